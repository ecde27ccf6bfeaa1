/**
 * Determines the time since which admission policies have checked all new accounts and Apps of the cluster. The
 * operator considers only accounts and Apps created after that time as admitted.
 */
import { grantPolicyNames } from '../../rbac/index.ts';
import { youngestCreation } from '../../k8s/admitted.ts';
import { resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { ifPermitted } from './objects.ts';
import type { Wall } from '../../k8s/time.ts';

type Deployment = KubeObject & {
  readonly spec?: {
    readonly template?: {
      readonly spec?: {
        readonly containers?: readonly {
          readonly command?: readonly string[];
          readonly args?: readonly string[];
        }[];
      };
    };
  };
};

/** Labels of the operator's Deployment. Source: Kubernetes, "Recommended Labels". */
export const operatorSelector = 'app.kubernetes.io/name=konstellation';

/**
 * Returns the creation time of the newest admission policy that guards grants, and Infinity while one of these policies
 * is missing. Returns undefined if no Deployment of the operator requires the policies, or if the user is not permitted
 * to read the Deployments or the policies.
 */
export function readAdmittedSince(client: KubeClient, signal: AbortSignal): Promise<Wall | undefined> {
  return ifPermitted(admittedSince(client, signal));
}

async function admittedSince(client: KubeClient, signal: AbortSignal): Promise<Wall | undefined> {
  const operators = await client.list<Deployment>(resources.deployments, {
    labelSelector: operatorSelector,
    signal,
  });
  const isRequired = operators.items.some(({ spec }) =>
    spec?.template?.spec?.containers?.some(({ command = [], args = [] }) =>
      [...command, ...args].includes('--require-admission'),
    ),
  );
  if (!isRequired) return undefined;
  const lists = await Promise.all(
    [resources.validatingAdmissionPolicies, resources.validatingAdmissionPolicyBindings].map((resource) =>
      client.list<KubeObject>(resource, { signal }),
    ),
  );
  return youngestCreation(
    lists.flatMap(({ items }) =>
      grantPolicyNames.map((name) => items.find(({ metadata }) => metadata.name === name)),
    ),
  );
}
