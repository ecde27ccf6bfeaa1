/** Builds the spec of an app from the options of `kon app create` and `edit`. Pure. */
import type { AppSpec, Config } from '../../../api/app.ts';
import { apiVersion } from '../../../api/resources.ts';
import { defined } from '../../../k8s/defined.ts';
import { usageError } from '../../framework/errors.ts';
import type { Manifest } from '../../manifest/present.ts';
import type { ConfigOption, RemovalOptions, SpecOptions } from './options.ts';

export type AppOptions = Omit<SpecOptions, 'config'> & { readonly config: readonly ConfigContent[] };
export type AppChange = AppOptions & RemovalOptions;

/** A config with readers for its content. The app's spec determines whether the content is files or variables. */
export type ConfigContent = Omit<ConfigOption, 'path'> & {
  readonly files: () => Readonly<Record<string, string>>;
  readonly variables: () => Readonly<Record<string, string>>;
};

export function describesApp(options: AppOptions): boolean {
  const { image, tag, account, port, env, config, dependsOn, target, replicas } = options;
  return (
    image !== undefined ||
    tag !== undefined ||
    account !== undefined ||
    replicas !== undefined ||
    port.length + env.length + config.length + dependsOn.length + target.length > 0
  );
}

/** Whether the options of `kon app edit` change anything. */
export function describesChange(change: AppChange): boolean {
  const { noAccount, removeEnv, removeConfig, removeDependency } = change;
  const removed = removeEnv.length + removeConfig.length + removeDependency.length;
  return describesApp(change) || noAccount || removed > 0;
}

/** @throws CliError of code USAGE if the options contain no image */
export function appManifest(name: string, options: AppOptions, allTargets: readonly string[]): Manifest {
  if (options.image === undefined)
    throw usageError('an app needs an image', `Pass an image: kon app create ${name} --image IMAGE`);
  const targets = options.target.length > 0 ? options.target : allTargets;
  if (targets.length === 0)
    throw usageError(
      'an app needs a target, but the cluster has none',
      'Create a target: kon target create NAME',
    );
  const spec: AppSpec = { image: options.image, targets: targets.map(newTarget) };
  return {
    apiVersion,
    kind: 'App',
    metadata: { name },
    spec: changedSpec(spec, {
      ...options,
      target: [],
      noAccount: false,
      removeEnv: [],
      removeConfig: [],
      removeDependency: [],
    }),
  };
}

const newTarget = (name: string): AppSpec['targets'][number] => ({ name, deployMode: 'latest' });

/** @throws CliError of code USAGE when the options contradict each other */
export function changedSpec(current: AppSpec, options: AppChange): AppSpec {
  if (options.account !== undefined && options.noAccount)
    throw usageError('--account and --no-account cannot be combined', 'Give either.');
  const {
    serviceAccount,
    imageTag: _imageTag,
    env: _env,
    configs: _configs,
    dependencies: _dependencies,
    ...rest
  } = current;
  const account = options.account ?? (options.noAccount ? undefined : serviceAccount);
  const { port: ports, replicas } = options;
  const added = new Set(options.env.map(({ name }) => name));
  const keptEnv = without('variable', options.removeEnv, current.env ?? []);
  const env = [...keptEnv.filter(({ name }) => !added.has(name)), ...options.env];
  const keptConfigs = without('config', options.removeConfig, current.configs ?? []);
  const configs = inPlaceOf(
    keptConfigs,
    options.config.map((config) => newConfig(config, keptConfigs)),
  );
  const keptDependencies = without('dependency', options.removeDependency, current.dependencies ?? []);
  const dependencies = inPlaceOf(keptDependencies, options.dependsOn);
  return {
    ...rest,
    ...imageOf(current, options),
    ...(account === undefined ? {} : { serviceAccount: account }),
    ...(ports.length > 0 ? { ports: ports.map((port) => ({ ...port, protocol: 'TCP' as const })) } : {}),
    ...(env.length > 0 ? { env } : {}),
    ...(configs.length > 0 ? { configs } : {}),
    ...(dependencies.length > 0 ? { dependencies } : {}),
    ...(replicas === undefined ? {} : { scale: { ...current.scale, min: replicas } }),
    ...(options.target.length > 0
      ? {
          // Existing targets keep their own settings.
          targets: options.target.map(
            (name) => current.targets.find((target) => target.name === name) ?? newTarget(name),
          ),
        }
      : {}),
  };
}

/** Separates the tag from `--image`, because the spec has a separate field for the tag. */
function imageOf(current: AppSpec, { image, tag }: AppOptions): Pick<AppSpec, 'image' | 'imageTag'> {
  if (image === undefined) return { image: current.image, ...defined({ imageTag: tag ?? current.imageTag }) };
  const given = splitTag(image);
  if (tag !== undefined && given.tag !== undefined && tag !== given.tag)
    throw usageError(`two tags given: "${given.tag}" in --image, and --tag "${tag}"`, 'Give either.');
  return { image: given.name, ...defined({ imageTag: given.tag ?? tag }) };
}

/**
 * Splits the tag off an image. A colon before the last slash belongs to the registry's port, and a colon after `@` belongs to a
 * digest.
 */
export function splitTag(path: string): { readonly name: string; readonly tag: string | undefined } {
  const match = /^([^@]+):([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$/.exec(path);
  return match ? { name: match[1] ?? '', tag: match[2] } : { name: path, tag: undefined };
}

/** Mounts a config with a folder as files. A config without a folder sets variables. */
function newConfig({ name, mountPath, files, variables }: ConfigContent, current: readonly Config[]): Config {
  const folder = mountPath ?? current.find((config) => config.name === name)?.mountPath;
  return folder === undefined
    ? { name, data: { ...variables() } }
    : { name, mountPath: folder, data: { ...files() } };
}

type Named = { readonly name: string };

/** Returns the entries without the named ones. @throws CliError of code USAGE if a named entry does not exist */
function without<T extends Named>(what: string, names: readonly string[], all: readonly T[]): readonly T[] {
  const unknown = names.find((name) => !all.some((each) => each.name === name));
  if (unknown !== undefined)
    throw usageError(
      `the app has no ${what} "${unknown}"`,
      all.length === 0 ? 'It has none.' : `It has ${all.map(({ name }) => name).join(', ')}.`,
    );
  return all.filter(({ name }) => !names.includes(name));
}

/**
 * Replaces entries that have the name of a given entry, and appends the other given entries. If a name is given twice, the last
 * value is used.
 */
function inPlaceOf<T extends Named>(current: readonly T[], given: readonly T[]): T[] {
  const byName = new Map(current.map((each) => [each.name, each]));
  for (const each of given) byName.set(each.name, each);
  return [...byName.values()];
}
