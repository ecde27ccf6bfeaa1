/** Checks environment variables that silently redirect kon, kubectl or AWS SDKs. */
import { access } from 'node:fs/promises';
import { ok, warning, type Checks } from '../check.ts';

const isLoopback = (url: string | undefined): boolean => {
  const host = url === undefined ? undefined : URL.parse(url)?.hostname;
  return host !== undefined && /^(localhost|127\..*|\[::1\])$/.test(host);
};

/** Whether the host is excluded from the proxy. As in curl and Go, the list contains names and suffixes, separated by commas. */
function isExcepted(url: string, noProxy: string): boolean {
  const host = URL.parse(url)?.hostname ?? '';
  return noProxy
    .split(',')
    .map((entry) => entry.trim().replace(/^\*?\./, ''))
    .some((entry) => entry === '*' || (entry !== '' && (host === entry || host.endsWith(`.${entry}`))));
}

export const environmentChecks = {
  environment: async ({ env, connection }) => {
    const server = await connection().then(
      (found) => found.server,
      () => undefined,
    );
    const problems = await environmentProblems(env, server);
    return problems.length === 0
      ? ok()
      : warning(problems.length === 1 ? 'one problem' : `${problems.length} problems`, problems);
  },
} satisfies Checks;

/** @param server the API server's URL, if a kubeconfig contains one */
export async function environmentProblems(
  env: Readonly<Record<string, string | undefined>>,
  server: string | undefined,
): Promise<readonly string[]> {
  const problems: string[] = [];
  const value = (name: string): string | undefined => env[name] || undefined;
  const endpoints = Object.keys(env).filter(
    (name) => /^AWS_ENDPOINT_URL(_|$)/.test(name) && value(name) !== undefined,
  );
  for (const name of ['AWS_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE']) {
    const path = value(name);
    if (path === undefined) continue;
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (!exists) problems.push(`${name} names ${path}, which cannot be read; HTTPS to AWS may fail`);
  }
  for (const name of endpoints) {
    const url = value(name) ?? '';
    if (isLoopback(url) && server !== undefined && !isLoopback(server))
      problems.push(
        `${name} sends AWS requests to ${url} on this machine, but the cluster is at ${server}. To reach AWS, unset the variable.`,
      );
    if (value('AWS_CA_BUNDLE') !== undefined && isLoopback(url) && url.startsWith('https:'))
      problems.push(
        `kon trusts only the certificate authorities in AWS_CA_BUNDLE for HTTPS to AWS, but the local endpoint in ${name} (${url}) usually has a certificate of another authority`,
      );
  }
  const proxy = value('HTTPS_PROXY') ?? value('https_proxy') ?? value('HTTP_PROXY') ?? value('http_proxy');
  if (proxy !== undefined) {
    const noProxy = value('NO_PROXY') ?? value('no_proxy') ?? '';
    const local = [server, ...endpoints.map((name) => value(name))].filter(
      (url): url is string => url !== undefined && isLoopback(url) && !isExcepted(url, noProxy),
    );
    for (const url of new Set(local))
      problems.push(
        `requests to the local address ${url} go through a proxy (${withoutPassword(proxy)}); add the host of this address to NO_PROXY`,
      );
  }
  if (value('AWS_PROFILE') !== undefined && value('AWS_ACCESS_KEY_ID') !== undefined)
    problems.push('AWS_PROFILE and AWS_ACCESS_KEY_ID are both set; SDKs differ in which one they use');
  if (value('AWS_ACCESS_KEY_ID') !== undefined && value('AWS_SECRET_ACCESS_KEY') === undefined)
    problems.push('AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY');
  if (value('NODE_TLS_REJECT_UNAUTHORIZED') === '0')
    problems.push('NODE_TLS_REJECT_UNAUTHORIZED=0 is set, so no certificate is verified');
  return problems;
}

function withoutPassword(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed) return 'invalid URL';
  return `${parsed.protocol}//${parsed.host}`;
}
