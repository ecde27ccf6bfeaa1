/**
 * Where the API server is and how to prove who we are. Everything a kubeconfig can say is read by the official
 * client's KubeConfig (contexts, client certificates, tokens, token files, exec plugins, in-cluster), which is loaded
 * only when it is needed, as it is large. Its transport is not used: see docs/adr/0003-own-reflector.md.
 */

export type TlsMaterial = {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name to expect in the server's certificate, when it is not the host of the URL. */
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};

export type Credentials = {
  /** `Authorization` and `Impersonate-*`. A list stands for a header that is sent once for each value. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly tls: TlsMaterial;
};

export type Connection = {
  /** Base URL of the API server, without a trailing slash; may have a path. */
  readonly server: string;
  /** Name of the kubeconfig's context; absent in a pod. */
  readonly context?: string;
  /** The context's namespace, `default` when it names none. */
  readonly namespace: string;
  /** `http:`, `https:` or `socks5:` URL of a proxy that every request goes through. */
  readonly proxyUrl?: string;
  /**
   * Present credentials; cheap, called for each request. `refresh` reads files again and runs exec plugins again,
   * for when the server answered 401.
   *
   * @throws KubeConfigError with code `CredentialsFailed`
   */
  credentials(options?: { readonly refresh?: boolean }): Promise<Credentials>;
};

/** A connection whose parts are known already, as a local cluster's are to who started it. */
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
