/** Classifies errors of sockets, TLS and HTTP into the few causes that a user can act on. */
import { KubeConfigError, KubeUnreachableError, type UnreachableCode } from './errors.ts';

type NetworkCode = Exclude<UnreachableCode, 'closed'>;

/** Converts a network error to a KubeUnreachableError. Returns `error` itself if it is already a typed error. */
export function unreachableError(error: unknown, server: string): Error {
  if (error instanceof KubeUnreachableError || error instanceof KubeConfigError) return error;
  const found = causes(error);
  for (const { code, message } of found) {
    const sorted = classifyCode(code);
    if (sorted)
      return new KubeUnreachableError(sorted, server, describe(sorted, server, message || code), {
        cause: error,
      });
  }
  const message = found[0]?.message ?? String(error);
  return new KubeUnreachableError('reset', server, describe('reset', server, message), { cause: error });
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

function classifyCode(code: string): NetworkCode | undefined {
  switch (code) {
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return 'refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'dns';
    case 'ETIMEDOUT':
      return 'timeout';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'reset';
    case 'ERR_PROXY':
      return 'proxy';
    case 'EPROTO':
      return 'tls';
    default:
      if (
        /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH)/.test(code)
      )
        return 'tls';
      return code.startsWith('HPE_') ? 'protocol' : undefined;
  }
}

function describe(code: NetworkCode, server: string, detail: string): string {
  switch (code) {
    case 'refused':
      return `the API server ${server} cannot be reached: ${detail}`;
    case 'dns':
      return `the name of the API server ${server} cannot be resolved: ${detail}`;
    case 'timeout':
      return `the API server ${server} does not answer: ${detail}`;
    case 'tls':
      return `TLS with the API server ${server} failed: ${detail}`;
    case 'reset':
      return `the connection to the API server ${server} broke: ${detail}`;
    case 'proxy':
      return `the API server ${server} cannot be reached through the proxy: ${detail}`;
    case 'protocol':
      return `${server} is not a Kubernetes API server: ${detail}`;
    default:
      return code satisfies never;
  }
}
