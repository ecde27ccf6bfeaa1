/** Pods that run with the identity of an account, and the lifetime of their tokens. */
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { identitiesHeld } from '../../workloads/pod-identity.ts';
import { isRunning, type Pod } from '../../workloads/pod.ts';

export type AccountPod = Pod & KubeObject;

/** Lists the pods with a ServiceAccount of this name, in one namespace or in all. */
export async function podsWithServiceAccount(
  client: KubeClient,
  name: string,
  options: { readonly namespace?: string; readonly signal?: AbortSignal } = {},
): Promise<readonly AccountPod[]> {
  const fieldSelector = `spec.serviceAccountName=${name}`;
  return (await client.list<AccountPod>(resources.pods, { ...options, fieldSelector })).items;
}

/** Lists the account's running pods that hold any AWS identity, in all targets that the account's status lists. */
export async function podsOfAccount(
  client: KubeClient,
  { metadata, status }: LinkedServiceAccount,
): Promise<readonly AccountPod[]> {
  const lists = await Promise.all(
    (status?.targets ?? []).map(({ name: namespace }) =>
      podsWithServiceAccount(client, metadata.name, { namespace }),
    ),
  );
  return lists.flat().filter((pod) => isRunning(pod) && identitiesHeld(pod).length > 0);
}

/**
 * Lifetime of a token that the webhook mounts, in seconds. Source: amazon-eks-pod-identity-webhook,
 * `--token-expiration`.
 */
const usualTokenSeconds = 86_400;

/** AWS accepts a web identity token for this number of seconds after its expiry. */
const graceSeconds = 300;

type ProjectedToken = { readonly audience?: string; readonly expirationSeconds?: number };
type TokenVolumes = {
  readonly spec?: {
    readonly volumes?: readonly {
      readonly projected?: {
        readonly sources?: readonly { readonly serviceAccountToken?: ProjectedToken }[];
      };
    }[];
  };
};

/**
 * Maximum time in milliseconds during which STS can still accept a token that was copied out of these pods. If there
 * are no pods, the usual lifetime of such a token is assumed.
 */
export function copiedTokensLiveMs(pods: readonly TokenVolumes[], audience: string): number {
  const seconds = pods.flatMap(({ spec }) =>
    (spec?.volumes ?? [])
      .flatMap(({ projected }) => projected?.sources ?? [])
      .flatMap(({ serviceAccountToken: token }) => (token?.audience === audience ? [token] : []))
      // Kubernetes projects tokens with a lifetime of one hour by default.
      .map(({ expirationSeconds = 3600 }) => expirationSeconds),
  );
  return ((seconds.length === 0 ? usualTokenSeconds : Math.max(...seconds)) + graceSeconds) * 1000;
}
