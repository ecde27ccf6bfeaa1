/** Lists the Deployments of operators, and reads the versions of the operators from them. */
import { resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { operatorSelector } from './admitted-since.ts';

export type OperatorDeployment = KubeObject & {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly spec?: {
        readonly serviceAccountName?: string;
        readonly containers?: readonly { readonly image?: string }[];
      };
    };
  };
  readonly status?: { readonly readyReplicas?: number };
};

export async function listOperators(
  client: KubeClient,
  signal: AbortSignal,
): Promise<readonly OperatorDeployment[]> {
  const options = { labelSelector: operatorSelector, signal };
  return (await client.list<OperatorDeployment>(resources.deployments, options)).items;
}

/** Label that Kubernetes recommends and the Helm chart sets. */
const versionLabel = 'app.kubernetes.io/version';

/** Returns the version from the label, or else from the image tag; undefined if neither exists. */
export function operatorVersion({ metadata, spec }: OperatorDeployment): string | undefined {
  const image = spec?.template?.spec?.containers?.[0]?.image ?? '';
  // Parses the tag of an image reference. A digest can follow the tag, and a colon before a slash belongs to the
  // registry's port.
  const tag = /:([^/:@]+)(?:@.*)?$/.exec(image.replace(/@.*$/, ''))?.[1];
  return metadata.labels?.[versionLabel] ?? tag?.replace(/^v(?=\d)/, '');
}
