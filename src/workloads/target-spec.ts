/**
 * Spec and observed state of an App on one target. In the spec, the values in the target's entry override the common
 * values. `env` is merged by name: a target's variable replaces the common variable of the same name, or is appended.
 * `configs` are merged by name, and their data by key. Every other field is replaced as a whole, so the target gets
 * exactly the value in its entry.
 */
import type { App, AppSpec, AppTarget, Config, EnvVar, Probes, Scale } from '../api/index.ts';
import { defined } from '../k8s/defined.ts';
import { ambiguousDependency, dependencyEnv, type OtherApps } from './dependencies.ts';
import type { Deployment } from './deployment.ts';
import type { IdentityGate } from './identity-gate.ts';
import type { ObservedObject } from './manifest.ts';
import { credentialEnv, type Pod } from './pod.ts';

export type TargetSpec = {
  readonly name: string;
  readonly image: string;
  readonly env: readonly EnvVar[];
  readonly configs: readonly Config[];
  readonly scale: Scale;
  readonly resources?: NonNullable<AppSpec['resources']>;
  readonly probes?: Probes;
  readonly ingress?: NonNullable<AppTarget['ingress']>;
  readonly halted: boolean;
};

/** Observed state of an App on one target. */
export type ObservedTarget = {
  readonly target: AppTarget;
  readonly objects: readonly ObservedObject[];
  readonly deployment: Deployment | undefined;
  readonly gate: IdentityGate;
  readonly others: OtherApps;
  readonly pods: readonly Pod[];
};

export function targetSpec(app: App, target: AppTarget, others: OtherApps): TargetSpec {
  const { spec } = app;
  const replaced = (_: EnvVar, own: EnvVar): EnvVar => own;
  return {
    name: target.name,
    image: imageOf(spec),
    // The app's own variables override the variables with the addresses of its dependencies.
    env: mergeByName(
      dependencyEnv(app, target, others),
      mergeByName(spec.env, target.env, replaced),
      replaced,
    ),
    configs: mergeByName(spec.configs, target.configs, (common, own) => ({
      ...common,
      ...own,
      data: { ...common.data, ...own.data },
    })),
    scale: target.scale ?? spec.scale ?? { min: 1 },
    halted: target.deployMode === 'halt',
    ...defined({
      resources: target.resources ?? spec.resources,
      probes: target.probes ?? spec.probes,
      ingress: target.ingress,
    }),
  };
}

/** Image as `registry/image:tag`. Registry and tag are optional. */
function imageOf(spec: AppSpec): string {
  const image = spec.registry ? `${spec.registry.replace(/\/$/, '')}/${spec.image}` : spec.image;
  return spec.imageTag === undefined ? image : `${image}:${spec.imageTag}`;
}

/** Returns the common entries, each merged with the target's entry of the same name. Entries that only the target has follow. */
function mergeByName<T extends { readonly name: string }>(
  common: readonly T[] = [],
  own: readonly T[] = [],
  merge: (common: T, own: T) => T,
): readonly T[] {
  const names = new Set(common.map((entry) => entry.name));
  return [
    ...common.map((entry) => {
      const other = own.find((candidate) => candidate.name === entry.name);
      return other ? merge(entry, other) : entry;
    }),
    ...own.filter((entry) => !names.has(entry.name)),
  ];
}

/** Maximum number of replicas of the target when it is not halted. */
export function maxReplicas(scale: Scale): number {
  return Math.max(scale.min, scale.max ?? scale.min);
}

/** Whether an autoscaler owns the number of replicas. */
export function isAutoscaled(scale: Scale): boolean {
  return scale.max !== undefined && scale.max > scale.min;
}

/**
 * Describes a fault in the spec that the schema cannot detect, with the path of the field; undefined if there is no
 * fault.
 */
export function specFault(app: App, target: AppTarget): string | undefined {
  const { spec } = app;
  if (spec.imageTag !== undefined && /[@:][^/]*$/.test(spec.image))
    return `spec.imageTag: spec.image already contains a tag or digest (${spec.image}), so remove one of them`;
  const merged = targetSpec(app, target, new Map());
  const ports = spec.ports ?? [];
  const twice = ports.find((entry, index) => ports.slice(0, index).some((other) => isSamePort(entry, other)));
  if (twice) return `spec.ports[${twice.name}]: port ${twice.port}/${twice.protocol} is listed twice`;
  if (merged.ingress && ports.length === 0)
    return `spec.targets[${target.name}].ingress: an ingress requires a port, but spec.ports is empty`;
  const { port } = merged.ingress ?? {};
  if (port !== undefined && !ports.some((entry) => entry.name === port))
    return `spec.targets[${target.name}].ingress.port: there is no port ${port} in spec.ports`;
  if (merged.scale.max !== undefined && merged.scale.max < merged.scale.min)
    return `scale of target ${target.name}: max ${merged.scale.max} is less than min ${merged.scale.min}`;
  return ambiguousDependency(app) ?? configFault(merged) ?? credentialFault(spec, target, merged);
}

/** Describes a config that would make Kubernetes refuse a ConfigMap or a pod, or silently drop a variable. */
function configFault({ name: target, configs }: TargetSpec): string | undefined {
  for (const [index, { name, mountPath, data = {} }] of configs.entries()) {
    const where = `config ${name} of target ${target}`;
    const other = configs
      .slice(0, index)
      .find((entry) => mountPath !== undefined && entry.mountPath === mountPath);
    if (other) return `${where}: config ${other.name} has the same mountPath ${mountPath}`;
    const key = Object.keys(data).find((candidate) => !isConfigKey(candidate));
    if (key !== undefined)
      return `${where}: the key ${JSON.stringify(key)} is invalid: use only letters, digits, '-', '_' and '.'`;
    const digit = Object.keys(data).find((candidate) => /^[0-9]/.test(candidate));
    if (mountPath === undefined && digit !== undefined)
      return `${where}: the key ${digit} begins with a digit, which is invalid in the name of an environment variable; rename the key, or set mountPath to mount the config as files`;
  }
  return undefined;
}

/**
 * Whether the key is valid in a ConfigMap. Source:
 * https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/config-map-v1/
 */
function isConfigKey(key: string): boolean {
  return /^[-._a-zA-Z0-9]{1,253}$/.test(key) && key !== '.' && !key.startsWith('..');
}

type Port = NonNullable<AppSpec['ports']>[number];

function isSamePort(one: Port, other: Port): boolean {
  return one.port === other.port && one.protocol === other.protocol;
}

/**
 * Describes a variable that would make the pods silently run without the account's identity. The webhook skips a
 * container that already sets the webhook's variables, and SDKs prefer keys and profiles to the injected identity.
 */
function credentialFault(spec: AppSpec, target: AppTarget, merged: TargetSpec): string | undefined {
  if (spec.serviceAccount === undefined) return undefined;
  const name = [
    ...merged.env.map((entry) => entry.name),
    ...merged.configs.flatMap(({ mountPath, data = {} }) =>
      mountPath === undefined ? Object.keys(data) : [],
    ),
  ].find((candidate) => credentialEnv.includes(candidate));
  if (name === undefined) return undefined;
  const path = pathOf(name, `spec.targets[${target.name}]`, target) ?? pathOf(name, 'spec', spec) ?? name;
  return `${path}: with ${name} set, the pods would not hold the identity of account ${spec.serviceAccount}; remove ${name} or spec.serviceAccount`;
}

/** Path of the spec field that sets the environment variable `name`. */
function pathOf(
  name: string,
  path: string,
  { env = [], configs = [] }: Pick<AppTarget, 'env' | 'configs'>,
): string | undefined {
  if (env.some((entry) => entry.name === name)) return `${path}.env[${name}]`;
  const config = configs.find(({ data = {} }) => Object.hasOwn(data, name));
  return config && `${path}.configs[${config.name}].data[${name}]`;
}
