/** The fields of Deployments that this project reads. */
import { identityAnnotation } from '../api/index.ts';
import type { ObjectCondition } from '../k8s/conditions.ts';
import type { ObjectMeta } from '../k8s/metadata.ts';

export type Deployment = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly metadata?: Partial<ObjectMeta>;
      readonly spec?: {
        readonly serviceAccountName?: string;
        readonly containers?: readonly {
          readonly name: string;
          readonly image?: string;
          readonly envFrom?: readonly { readonly configMapRef?: { readonly name?: string } }[];
        }[];
        readonly volumes?: readonly {
          readonly name: string;
          readonly configMap?: { readonly name?: string };
        }[];
      };
    };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly ObjectCondition[];
  };
};

/** Annotation that the Deployment controller sets: revision of the current pod template. */
const revisionAnnotation = 'deployment.kubernetes.io/revision';

export function revisionOf(deployment: Deployment): string | undefined {
  return deployment.metadata.annotations?.[revisionAnnotation];
}

/** The identity annotation of the Deployment's current pod template. */
export function deployedMark(deployment: Deployment | undefined): string | undefined {
  return deployment?.spec?.template?.metadata?.annotations?.[identityAnnotation];
}

export function imageOf(deployment: Deployment): string | undefined {
  return deployment.spec?.template?.spec?.containers?.[0]?.image;
}

/** Whether the Deployment has or will have pods. */
export function hasReplicas(deployment: Deployment): boolean {
  return (deployment.spec?.replicas ?? 1) > 0;
}

/** Account that pods of the current template use; undefined if the template uses the ServiceAccount `default`. */
export function deployedAccount(deployment: Deployment): string | undefined {
  const { serviceAccountName } = deployment.spec?.template?.spec ?? {};
  return serviceAccountName === 'default' ? undefined : serviceAccountName;
}
