/** Identities of pods: the variables that the webhook adds to them, and the subjects that a role trusts. */
import type { ObservedRole } from '../../../src/identity/index.ts';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import type { StoredObject } from '../api-server/stored-object.ts';
import { issuer } from '../simulation.ts';
import type { Context } from './context.ts';

/** Environment variables that the webhook adds to a pod, one for each identity mode. */
export const roleEnv = 'AWS_ROLE_ARN';
export const podIdentityEnv = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';

type PodSpec = {
  readonly serviceAccountName?: string;
  readonly containers?: readonly { readonly env?: readonly { readonly name: string }[] }[];
};

export const podSpec = ({ spec }: StoredObject): PodSpec => spec as PodSpec;

/** Whether the webhook has added one of these variables to the pod. */
export const hasEnv = (pod: StoredObject, ...variables: readonly string[]): boolean =>
  (podSpec(pod).containers ?? []).some(({ env }) => env?.some(({ name }) => variables.includes(name)));

export const subjectOf = (namespace: string, serviceAccount: string): string =>
  `system:serviceaccount:${namespace}:${serviceAccount}`;

/**
 * Pods of an account that are not terminating and that the operator must have seen: they were created more than
 * `unawareMs` earlier than the time `before`.
 */
export function seenPods(
  { simulation: { server, time }, unawareMs }: Context,
  account: string,
  scope: { readonly namespace?: string; readonly before?: number } = {},
): readonly StoredObject[] {
  const { namespace, before = time.now() } = scope;
  const isOld = ({ creationTimestamp = '' }: KubeObject['metadata']): boolean =>
    Date.parse(creationTimestamp) < before - unawareMs;
  return server
    .list(resources.pods, namespace)
    .filter(
      (pod) =>
        podSpec(pod).serviceAccountName === account &&
        pod.metadata.deletionTimestamp === undefined &&
        isOld(pod.metadata),
    );
}

/** Subjects that the role's trust policy admits. */
export function subjectsOf(role: ObservedRole | undefined): readonly string[] {
  const { Statement: statements = [] } = JSON.parse(role?.trustPolicy ?? '{}') as {
    Statement?: readonly {
      Effect: string;
      Condition?: { StringEquals?: Record<string, string | string[]> };
    }[];
  };
  return statements.flatMap(({ Effect, Condition }) =>
    Effect === 'Allow'
      ? [Condition?.StringEquals?.[`${issuer.replace('https://', '')}:sub`] ?? []].flat()
      : [],
  );
}
