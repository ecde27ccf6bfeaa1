/**
 * Address of the API server and credentials for the server. Some credentials, such as exec plugins and token files,
 * require the class KubeConfig of the official client. That class is large and therefore loaded on demand. The official
 * client's transport is not used: see docs/adr/0003-own-reflector.md.
 */

export type TlsMaterial = {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Name that the server's certificate must contain. Default: the host of the URL. */
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};

export type Credentials = {
  /** Headers `Authorization` and `Impersonate-*`. A list of values is sent as one header per value. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly tls: TlsMaterial;
};

export type Connection = {
  /** Base URL of the API server, without a trailing slash. The URL may include a path. */
  readonly server: string;
  /** Context of the kubeconfig; absent in a pod. */
  readonly context?: string;
  /** Namespace of the context. Default: `default`. */
  readonly namespace: string;
  /** `http:`, `https:` or `socks5:` URL of the proxy for all requests. */
  readonly proxyUrl?: string;
  /**
   * Returns the current credentials. The function must be cheap, because it is called for each request. `refresh` reads
   * files and runs exec plugins again; set it after a 401 response.
   *
   * @throws KubeConfigError with code `CredentialsFailed`
   */
  credentials(options?: { readonly refresh?: boolean }): Promise<Credentials>;
};

/** Connection with fixed credentials, for example to a local cluster. */
export function staticConnection(options: {
  server: string;
  namespace?: string;
  token?: string;
  tls?: TlsMaterial;
}): Connection {
  const credentials: Credentials = {
    headers: options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` },
    tls: options.tls ?? {},
  };
  return {
    server: options.server.replace(/\/+$/, ''),
    namespace: options.namespace ?? 'default',
    credentials: () => Promise.resolve(credentials),
  };
}
