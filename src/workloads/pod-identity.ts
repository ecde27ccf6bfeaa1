/**
 * Which AWS identity a pod holds, told from the pod itself: what the webhook wrote into it when it was made is what
 * its containers keep until they are gone, whatever its ServiceAccount says today.
 */
import { podIdentityAudience } from '../api/index.ts';
import {
  identityEnv,
  isFinished,
  overrulingEnv,
  skipContainersAnnotation,
  type Pod,
  type PodContainer,
} from './pod.ts';

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
  /** Credentials that the container's own environment leads to, by this variable. Whose they are does not show. */
  | { readonly kind: 'own'; readonly variable: string }
  /** Nothing of its own: SDKs fall back to the role of the node, if the instance metadata can be reached. */
  | { readonly kind: 'none' };

/**
 * `current`: every container that the webhook saw holds what is wanted. `stale`: one holds something else. `uninjected`:
 * none holds anything, as the webhook missed the pod. `exempt`: all containers are excepted by annotation.
 *
 * The webhook writes into every container that is there when it is asked. One that holds nothing beside others that do was
 * put there after it, by an injector of sidecars: it would be no different in a pod that is made anew. The same goes for one
 * that brings credentials of its own and was given none.
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
  const holdings = containers.map((container) => {
    const injected = injectedIdentity(pod, container);
    return { container: container.name, injected, held: overruled(container, injected) ?? injected };
  });
  const written = holdings.filter(({ injected }) => injected.kind !== 'none');
  const seen = written.length > 0 ? written : holdings.filter(({ held }) => held.kind !== 'none');
  const [first] = holdings;
  if (first && seen.length === 0)
    return { state: 'uninjected', container: first.container, held: first.held };
  const other = seen.find(({ held }) => !isSameIdentity(held, wanted));
  return other ? { state: 'stale', container: other.container, held: other.held } : { state: 'current' };
}

/**
 * What the pod's containers were given, one by one; those that the webhook was told to leave alone are left out. A role
 * counts that is overruled there, too: a program may name it all the same.
 */
export function identitiesHeld(pod: Pod): readonly HeldIdentity[] {
  const skipped = skippedContainers(pod);
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
    .filter((container) => !skipped.has(container.name))
    .map((container) => injectedIdentity(pod, container));
}

/** ARNs of the roles that the pod's containers were given by web identity, each once. */
export function rolesHeld(pod: Pod): readonly string[] {
  const arns = identitiesHeld(pod).flatMap((held) => (held.kind === 'role' ? held.roleArn : []));
  return [...new Set(arns)];
}

/** Identity that the webhook gave to the pod, whatever the pod should hold; undefined when it gave none. */
export function givenIdentity(pod: Pod): HeldIdentity | undefined {
  return identitiesHeld(pod).find(
    (held) => held.kind === 'podIdentity' || (held.kind === 'role' && held.audience !== undefined),
  );
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
    case 'own':
      return `credentials of its own (${held.variable} in its env)`;
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
 * SDKs look for a web identity before they look for container credentials, and need both of its variables. An address for
 * credentials without the token for the agent was not written by the webhook, which leaves such a container alone.
 */
function injectedIdentity(pod: Pod, container: PodContainer): HeldIdentity {
  const roleArn = valueOf(container, identityEnv.roleArn);
  const tokenFile = valueOf(container, identityEnv.tokenFile);
  if (roleArn !== undefined) {
    const audience = tokenFile === undefined ? undefined : tokenAudience(pod, container, tokenFile);
    return audience === undefined ? { kind: 'role', roleArn } : { kind: 'role', roleArn, audience };
  }
  if (isSet(container, identityEnv.roleArn)) return { kind: 'own', variable: identityEnv.roleArn };
  if (!isSet(container, identityEnv.containerCredentials)) return { kind: 'none' };
  const agentTokenFile = valueOf(container, identityEnv.containerTokenFile);
  return agentTokenFile !== undefined && tokenAudience(pod, container, agentTokenFile) === podIdentityAudience
    ? { kind: 'podIdentity' }
    : { kind: 'own', variable: identityEnv.containerCredentials };
}

/** What the SDKs take before what was injected. */
function overruled(container: PodContainer, injected: HeldIdentity): HeldIdentity | undefined {
  const names = [...overrulingEnv.always, ...(injected.kind === 'role' ? [] : overrulingEnv.podIdentity)];
  const variable = names.find((name) => isSet(container, name));
  return variable === undefined ? undefined : { kind: 'own', variable };
}

/** Of two variables of one name, the kubelet takes the last. SDKs take an empty one for none. */
function valueOf(container: PodContainer, name: string): string | undefined {
  return container.env?.findLast((entry) => entry.name === name)?.value || undefined;
}

function isSet(container: PodContainer, name: string): boolean {
  const entry = container.env?.findLast((candidate) => candidate.name === name);
  return Boolean(entry?.value) || entry?.valueFrom !== undefined;
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
