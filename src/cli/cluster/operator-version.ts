/** Reads the version of an operator from its Deployment. Pure. */
import type { KubeObject } from '../../kube/index.ts';

export type OperatorDeployment = KubeObject & {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: { readonly spec?: { readonly containers?: readonly { readonly image?: string }[] } };
  };
  readonly status?: { readonly readyReplicas?: number };
};

/** Recommended label of Kubernetes, which the Helm chart sets. */
const versionLabel = 'app.kubernetes.io/version';

/** Version according to the label, or else the tag of the image; undefined when neither states it. */
export function operatorVersion({ metadata, spec }: OperatorDeployment): string | undefined {
  const image = spec?.template?.spec?.containers?.[0]?.image ?? '';
  // A digest follows the tag, and a colon before a slash belongs to the port of the registry.
  const tag = /:([^/:@]+)(?:@.*)?$/.exec(image.replace(/@.*$/, ''))?.[1];
  return metadata.labels?.[versionLabel] ?? tag?.replace(/^v(?=\d)/, '');
}
