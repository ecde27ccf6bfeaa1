/** Classifies errors of sockets, TLS and HTTP into the few causes that a user can act on. */
import { KubeConfigError, KubeUnreachableError, type UnreachableCode } from './errors.ts';

type NetworkCode = Exclude<UnreachableCode, 'closed'>;

/** Converts a network error to a KubeUnreachableError. Returns `error` itself if it is already a typed error. */
export function unreachableError(error: unknown, server: string): Error {
  if (error instanceof KubeUnreachableError || error instanceof KubeConfigError) return error;
  const found = causes(error);
  const unreachable = (code: NetworkCode, detail: string): KubeUnreachableError =>
    new KubeUnreachableError(code, server, `${descriptions[code](server)}: ${detail}`, { cause: error });
  for (const { code, message } of found) {
    const sorted = classifyCode(code);
    if (sorted) return unreachable(sorted, message || code);
  }
  return unreachable('reset', found[0]?.message ?? String(error));
}

function causes(error: unknown): { code: string; message: string }[] {
  const list: { code: string; message: string }[] = [];
  for (let next: unknown = error; next instanceof Error && list.length < 8; next = next.cause) {
    if (next instanceof AggregateError) list.push(...next.errors.flatMap((inner) => causes(inner)));
    const { code } = next as NodeJS.ErrnoException;
    list.push({ code: typeof code === 'string' ? code : '', message: next.message });
  }
  return list;
}

const categories: Readonly<Record<string, NetworkCode>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  EADDRNOTAVAIL: 'refused',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ERR_PROXY: 'proxy',
  EPROTO: 'tls',
};
const tlsCodes = /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH)/;

function classifyCode(code: string): NetworkCode | undefined {
  if (tlsCodes.test(code)) return 'tls';
  return code.startsWith('HPE_') ? 'protocol' : categories[code];
}

const descriptions: Readonly<Record<NetworkCode, (server: string) => string>> = {
  refused: (server) => `the API server ${server} cannot be reached`,
  dns: (server) => `the name of the API server ${server} cannot be resolved`,
  timeout: (server) => `the API server ${server} does not answer`,
  tls: (server) => `TLS with the API server ${server} failed`,
  reset: (server) => `the connection to the API server ${server} broke`,
  proxy: (server) => `the API server ${server} cannot be reached through the proxy`,
  protocol: (server) => `${server} is not a Kubernetes API server`,
};
