/** Kubeconfig files for the parts of the sandbox and for its user. */
import { stringify } from 'yaml';
import type { KeyPair } from './certificates.ts';

export type KubeconfigInput = {
  readonly server: string;
  readonly caCertificate: string;
  /** A client certificate, or the path of a file with a bearer token. The file can be rewritten with a new token. */
  readonly client: KeyPair | { readonly tokenFile: string };
  /** Name of the cluster, the user and the context in the kubeconfig. */
  readonly name: string;
  readonly namespace?: string;
};

/** Renders a kubeconfig with one context and all data embedded, so that the file can be copied. */
export function renderKubeconfig(input: KubeconfigInput): string {
  const { server, caCertificate, client, name, namespace } = input;
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(caCertificate) } }],
      contexts: [
        { name, context: { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) } },
      ],
      users: [
        {
          name,
          user:
            'tokenFile' in client
              ? { tokenFile: client.tokenFile }
              : {
                  'client-certificate-data': base64(client.certificate),
                  'client-key-data': base64(client.key),
                },
        },
      ],
    },
    { lineWidth: 0 },
  );
}
