/**
 * Reads proxy settings from environment variables. The rules are those of ProxyFromEnvironment in Go's `net/http`, so
 * the variables have the same meaning as for kubectl. Connections to loopback addresses never use a proxy.
 */
type Env = Readonly<Record<string, string | undefined>>;

export function proxyFromEnv(server: URL, env: Env): string | undefined {
  const proxy =
    server.protocol === 'https:' ? env.HTTPS_PROXY || env.https_proxy : env.HTTP_PROXY || env.http_proxy;
  if (!proxy) return undefined;
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host === '::1' || host.startsWith('127.')) return undefined;
  if (isExempt(host, server.port, env.NO_PROXY || env.no_proxy || '')) return undefined;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

/** Whether NO_PROXY has a matching entry: `*`, a host, `.domain`, `host:port`, an IPv4 address or an IPv4 CIDR range. */
function isExempt(host: string, port: string, noProxy: string): boolean {
  for (const raw of noProxy.split(',')) {
    const entry = raw.trim().toLowerCase();
    if (entry === '') continue;
    if (entry === '*') return true;
    if (entry.includes('/')) {
      if (inIpv4Range(host, entry)) return true;
      continue;
    }
    const withPort = /^(.*):(\d+)$/.exec(entry);
    if (withPort && withPort[2] !== (port || '443')) continue;
    const name = (withPort?.[1] ?? entry).replace(/^\*?\./, '.');
    if (name.startsWith('.') ? host.endsWith(name) : host === name || host.endsWith(`.${name}`)) return true;
  }
  return false;
}

function inIpv4Range(host: string, range: string): boolean {
  const [network = '', bitsText = ''] = range.split('/');
  const bits = Number(bitsText);
  const address = ipv4(host);
  const base = ipv4(network);
  if (address === undefined || base === undefined || !(bits >= 0 && bits <= 32)) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(address / size) === Math.floor(base / size);
}

function ipv4(text: string): number | undefined {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}
