/**
 * AWS identity of a pod, read from the pod's spec. The containers keep the fields that the webhook injected when the
 * pod was created, even if the ServiceAccount has changed since then.
 */
import { podIdentityAudience } from '../api/index.ts';
import {
  identityEnv,
  isFinished,
  overridingEnv,
  skipContainersAnnotation,
  type Pod,
  type PodContainer,
} from './pod.ts';

/**
 * Identity that pods should hold. `audience` is the audience of the token that is exchanged at STS or EKS Auth. The
 * spec of a pod with Pod Identity does not contain the role, so such a pod matches any role.
 */
export type WantedIdentity = { readonly roleArn: string; readonly audience: string };

/** Identity that a container's AWS SDK would use. */
export type HeldIdentity =
  /** A role that is assumed with a web identity token. `audience` is undefined if no such token is mounted. */
  | { readonly kind: 'role'; readonly roleArn: string; readonly audience?: string }
  /** EKS Pod Identity. The pod does not name its role; the agent on the node obtains the credentials. */
  | { readonly kind: 'podIdentity' }
  /**
   * Credentials from an environment variable that the container itself sets. The role or user of these credentials is
   * unknown.
   */
  | { readonly kind: 'own'; readonly variable: string }
  /** No identity. SDKs fall back to the node's role if they can reach the instance metadata. */
  | { readonly kind: 'none' };

/**
 * `current`: every injected container holds the wanted identity. `stale`: a container holds another identity.
 * `uninjected`: no container holds an identity, since the webhook missed the pod. `exempt`: all containers are excluded
 * by annotation.
 *
 * The webhook mutates every container that exists when it is called. If only some containers have no identity, a
 * sidecar injector added these containers later. They would have no identity in a new pod either, so they do not count.
 * A container that was not injected and sets credentials of its own does not count either, because it would also set
 * them in a new pod.
 */
export type PodIdentity =
  | { readonly state: 'current' }
  | { readonly state: 'stale'; readonly container: string; readonly held: HeldIdentity }
  | { readonly state: 'uninjected'; readonly container: string; readonly held: HeldIdentity }
  | { readonly state: 'exempt' };

/**
 * Numbers of running pods by identity. `exempt` pods are not counted. The shape is that of `pods` in a target's status
 * entry.
 */
export type PodCounts = { readonly current: number; readonly stale: number; readonly uninjected: number };

/** Compares the identity of the pod with `wanted`. */
export function podIdentity(pod: Pod, wanted: WantedIdentity): PodIdentity {
  const containers = injectableContainers(pod);
  if (containers.length === 0) return { state: 'exempt' };
  const holdings = containers.map((container) => {
    const injected = injectedIdentity(pod, container);
    const held = overridingCredentials(container, injected) ?? injected;
    return { container: container.name, injected, held };
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
 * Returns the identity that the webhook gave to each container. Containers that the webhook has to skip are left out. A
 * role that other variables override is included, since a program may still use the role.
 */
export function identitiesHeld(pod: Pod): readonly HeldIdentity[] {
  return injectableContainers(pod).map((container) => injectedIdentity(pod, container));
}

/** ARNs of the roles that the pod's containers hold by web identity, without duplicates. */
export function rolesHeld(pod: Pod): readonly string[] {
  const arns = identitiesHeld(pod).flatMap((held) => (held.kind === 'role' ? held.roleArn : []));
  return [...new Set(arns)];
}

/** Returns the identity that the webhook gave to the pod; undefined if the pod has none. */
export function givenIdentity(pod: Pod): HeldIdentity | undefined {
  return identitiesHeld(pod).find(
    (held) => held.kind === 'podIdentity' || (held.kind === 'role' && held.audience !== undefined),
  );
}

/** Whether the pod can stay: it holds the wanted identity or is exempt. */
export function isCurrent(pod: Pod, wanted: WantedIdentity): boolean {
  const { state } = podIdentity(pod, wanted);
  return state === 'current' || state === 'exempt';
}

/** Counts running pods. All pods are assumed to use the account of `wanted`. */
export function countPods(pods: Iterable<Pod>, wanted: WantedIdentity): PodCounts {
  const counts = { current: 0, stale: 0, uninjected: 0 };
  for (const pod of pods) {
    if (isFinished(pod)) continue;
    const { state } = podIdentity(pod, wanted);
    if (state !== 'exempt') counts[state] += 1;
  }
  return counts;
}

/** Describes an identity in messages. */
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
 * Identity that the webhook injected into the container. SDKs prefer a web identity, if both of its variables are set,
 * to container credentials. If a container has the variable for the credentials address but not the one for the agent's
 * token, the address was set before the webhook ran, and the webhook has therefore skipped the container.
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

/**
 * Credentials from a variable that SDKs prefer to the injected identity; undefined if the container has no such
 * variable.
 */
function overridingCredentials(container: PodContainer, injected: HeldIdentity): HeldIdentity | undefined {
  const names = [...overridingEnv.always, ...(injected.kind === 'role' ? [] : overridingEnv.podIdentity)];
  const variable = names.find((name) => isSet(container, name));
  return variable === undefined ? undefined : { kind: 'own', variable };
}

/**
 * Value of an environment variable. If a name occurs several times, the last variable counts, as in the kubelet. An
 * empty value counts as unset, as in SDKs.
 */
function valueOf(container: PodContainer, name: string): string | undefined {
  return container.env?.findLast((entry) => entry.name === name)?.value || undefined;
}

function isSet(container: PodContainer, name: string): boolean {
  const entry = container.env?.findLast((candidate) => candidate.name === name);
  return Boolean(entry?.value) || entry?.valueFrom !== undefined;
}

/**
 * Audience of the projected token that is mounted at `file`. The token is found by its path, because the webhook
 * chooses the name of the volume.
 */
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

/**
 * Whether the mounted path is `file`. On Windows nodes the variable contains `C:\var\run\…`, while the mount path is
 * `/var/run/…`.
 */
function isAt(file: string, mountPath: string, path: string): boolean {
  const unified = file.replace(/^[A-Za-z]:/, '').replaceAll('\\', '/');
  return unified === `${mountPath.replace(/\/$/, '')}/${path}`;
}

/** Containers of the pod, except containers that the webhook has to skip. */
function injectableContainers({ metadata, spec }: Pod): readonly PodContainer[] {
  // The webhook parses the annotation as a line of CSV, so a name may be quoted.
  const names = metadata.annotations?.[skipContainersAnnotation]?.split(',') ?? [];
  const skipped = new Set(names.map((name) => name.replace(/^"(.*)"$/, '$1')));
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return all.filter(({ name }) => !skipped.has(name));
}
