/**
 * Which AWS identity a pod holds, told from the pod itself: what the webhook wrote into it when it was made is what
 * its containers keep until they are gone, whatever its ServiceAccount says today.
 */
import { podIdentityAudience } from '../api/index.ts';
import { identityEnv, isFinished, skipContainersAnnotation, type Pod, type PodContainer } from './pod.ts';

/**
 * The identity which pods are to hold. `audience`: of the token which is exchanged for it, as STS sees it, or as EKS Auth
 * does. With Pod Identity a pod does not show its role, so that all of them count alike.
 */
export type WantedIdentity = { readonly roleArn: string; readonly audience: string };

/** What a container's AWS SDK would use. */
export type HeldIdentity =
  /** A role, by web identity token. `audience` absent: there is a role, but no token mounted for it. */
  | { readonly kind: 'role'; readonly roleArn: string; readonly audience?: string }
  /** EKS Pod Identity: the role is known to the agent on the node only. */
  | { readonly kind: 'podIdentity' }
  /** Nothing of its own: SDKs fall back to the role of the node, if the instance metadata can be reached. */
  | { readonly kind: 'none' };

/**
 * `current`: every container that the webhook saw holds what is wanted. `stale`: one holds something else. `uninjected`:
 * none holds anything, as the webhook missed the pod. `exempt`: all containers are excepted by annotation.
 *
 * The webhook writes into every container that is there when it is asked. One that holds nothing beside others that do was
 * put there after it, by an injector of sidecars: it would be no different in a pod that is made anew.
 */
export type PodIdentity =
  | { readonly state: 'current' }
  | { readonly state: 'stale'; readonly container: string; readonly held: HeldIdentity }
  | { readonly state: 'uninjected'; readonly container: string; readonly held: HeldIdentity }
  | { readonly state: 'exempt' };

/** Running pods by what they hold; `exempt` ones are in none of the numbers. The shape of a target's `pods` in status. */
export type PodCounts = { readonly current: number; readonly stale: number; readonly uninjected: number };

/** What this pod holds, against `wanted`. */
export function podIdentity(pod: Pod, wanted: WantedIdentity): PodIdentity {
  const skipped = skippedContainers(pod);
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].filter(
    (container) => !skipped.has(container.name),
  );
  if (containers.length === 0) return { state: 'exempt' };
  const holdings = containers.map((container) => ({
    container: container.name,
    held: heldIdentity(pod, container),
  }));
  const seen = holdings.filter(({ held }) => held.kind !== 'none');
  const [first] = holdings;
  if (first && seen.length === 0) return { state: 'uninjected', ...first };
  const other = seen.find(({ held }) => !isSameIdentity(held, wanted));
  return other ? { state: 'stale', ...other } : { state: 'current' };
}

/** What the pod's containers hold, one by one; those that the webhook was told to leave alone are left out. */
export function identitiesHeld(pod: Pod): readonly HeldIdentity[] {
  const skipped = skippedContainers(pod);
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
    .filter((container) => !skipped.has(container.name))
    .map((container) => heldIdentity(pod, container));
}

/** Whether nothing has to be made anew for the pod to hold what is wanted: it does, or is exempt. */
export function isCurrent(pod: Pod, wanted: WantedIdentity): boolean {
  const { state } = podIdentity(pod, wanted);
  return state === 'current' || state === 'exempt';
}

/** Counts the running pods among `pods`, all of which are taken to use the account that `wanted` belongs to. */
export function countPods(pods: Iterable<Pod>, wanted: WantedIdentity): PodCounts {
  const counts = { current: 0, stale: 0, uninjected: 0 };
  for (const pod of pods) {
    if (isFinished(pod)) continue;
    const { state } = podIdentity(pod, wanted);
    if (state !== 'exempt') counts[state] += 1;
  }
  return counts;
}

/** In a person's words. */
export function describeHeld(held: HeldIdentity): string {
  switch (held.kind) {
    case 'podIdentity':
      return 'an EKS Pod Identity';
    case 'none':
      return "no identity of its own (SDKs fall back to the node's role)";
    case 'role':
    default:
      return held.audience === undefined ? `${held.roleArn} without a token` : held.roleArn;
  }
}

function isSameIdentity(held: HeldIdentity, wanted: WantedIdentity): boolean {
  if (wanted.audience === podIdentityAudience) return held.kind === 'podIdentity';
  return held.kind === 'role' && held.roleArn === wanted.roleArn && held.audience === wanted.audience;
}

/**
 * SDKs look for a web identity before they look for container credentials, and need both of its variables.
 * Of two variables of one name, the kubelet takes the last.
 */
function heldIdentity(pod: Pod, container: PodContainer): HeldIdentity {
  const valueOf = (name: string): string | undefined =>
    container.env?.findLast((entry) => entry.name === name)?.value || undefined;
  const roleArn = valueOf(identityEnv.roleArn);
  const tokenFile = valueOf(identityEnv.tokenFile);
  if (roleArn !== undefined) {
    const audience = tokenFile === undefined ? undefined : tokenAudience(pod, container, tokenFile);
    return audience === undefined ? { kind: 'role', roleArn } : { kind: 'role', roleArn, audience };
  }
  return valueOf(identityEnv.containerCredentials) === undefined ? { kind: 'none' } : { kind: 'podIdentity' };
}

/** The audience of the projected token which is mounted at `file`. The volume's name is the webhook's affair. */
function tokenAudience(pod: Pod, container: PodContainer, file: string): string | undefined {
  for (const mount of container.volumeMounts ?? []) {
    const volume = pod.spec?.volumes?.find((entry) => entry.name === mount.name);
    for (const source of volume?.projected?.sources ?? []) {
      const token = source.serviceAccountToken;
      if (token?.audience !== undefined && isAt(file, mount.mountPath, token.path)) return token.audience;
    }
  }
  return undefined;
}

/** On Windows nodes the webhook writes `C:\var\run\…` into the variable, and the mount stays `/var/run/…`. */
function isAt(file: string, mountPath: string, path: string): boolean {
  const unified = file.replace(/^[A-Za-z]:/, '').replaceAll('\\', '/');
  return unified === `${mountPath.replace(/\/$/, '')}/${path}`;
}

function skippedContainers(pod: Pod): ReadonlySet<string> {
  const value = pod.metadata.annotations?.[skipContainersAnnotation];
  // The webhook reads this as a line of CSV, so a name may stand in quotes.
  return new Set(value?.split(',').map((name) => name.replace(/^"(.*)"$/, '$1')) ?? []);
}
