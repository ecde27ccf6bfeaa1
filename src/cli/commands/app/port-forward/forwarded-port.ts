/** Parses the port arguments of `kon app port-forward`. Pure. */
import type { AppSpec } from '../../../../api/app.ts';
import { CliError, usageError } from '../../../framework/errors.ts';

export type PortRequest = {
  /** Local port. 0 selects any free port. */
  readonly local: number;
  /** Port of the pod: a number, or the name of one of the app's ports. */
  readonly remote: string;
};

export type ForwardedPort = { readonly local: number; readonly remote: number };

/** Parses `8080`, `8080:80`, `:80`, `http` or `8080:http`. @throws CliError of code USAGE */
export function parsePortRequest(text: string): PortRequest {
  const match = /^(?:([0-9]*):)?([0-9]+|[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)$/.exec(text);
  const [, local, remote = ''] = match ?? [];
  const isNumber = /^[0-9]+$/.test(remote);
  const isValid = (port: number, least: number): boolean => port >= least && port <= 65_535;
  if (!match || (isNumber && !isValid(Number(remote), 1)) || !isValid(Number(local ?? 0), 0))
    throw usageError(
      `"${text}" is not a port mapping`,
      'Pass LOCAL:REMOTE, REMOTE for the same number on both sides, or :REMOTE for any free local port.',
      'REMOTE is a number from 1 to 65535, or the name of one of the app’s ports.',
    );
  return { local: Number(local ?? (isNumber ? remote : 0)), remote };
}

/** @throws CliError of code NOT_FOUND if the app has no port of that name */
export function forwardedPort(app: string, spec: AppSpec, { local, remote }: PortRequest): ForwardedPort {
  if (/^[0-9]+$/.test(remote)) return { local, remote: Number(remote) };
  const port = spec.ports?.find(({ name }) => name === remote);
  if (port) return { local, remote: port.port };
  const known = (spec.ports ?? []).map(({ name, port: number }) => `${name} (${number})`);
  throw new CliError('NOT_FOUND', `app "${app}" has no port "${remote}"`, {
    details:
      known.length === 0
        ? ['The spec of the app lists no ports.']
        : [`The app has the ports ${known.join(', ')}.`],
    next: ['Pass the number of the port in the pod.'],
  });
}
