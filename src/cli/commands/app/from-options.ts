/** What the options of `kon app create` and `edit` say about an app's spec. Pure. */
import type { AppSpec } from '../../../api/app.ts';
import { apiVersion } from '../../../api/resources.ts';
import { usageError } from '../../errors.ts';
import type { Manifest } from '../../manifest/check.ts';

export type AppOptions = {
  readonly image: string | undefined;
  readonly tag: string | undefined;
  readonly account: string | undefined;
  readonly ports: readonly NamedPort[];
  readonly env: readonly EnvSetting[];
  readonly targets: readonly string[];
  readonly replicas: number | undefined;
};

export type AppChange = AppOptions & { readonly noAccount: boolean };

export type NamedPort = { readonly name: string; readonly port: number };
export type EnvSetting = { readonly name: string; readonly value: string };

/** `8080` or `http:8080`. @throws CliError of code USAGE */
export function parsePort(text: string): NamedPort {
  const match = /^(?:([a-z0-9](?:[-a-z0-9]*[a-z0-9])?):)?([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port < 1 || port > 65535)
    throw usageError(
      `"${text}" is not a port`,
      'Give a number from 1 to 65535, with a name before it if there are several: http:8080',
    );
  return { name: match[1] ?? 'http', port };
}

/** `NAME=VALUE`. @throws CliError of code USAGE */
export function parseEnv(text: string): EnvSetting {
  const at = text.indexOf('=');
  if (at < 1) throw usageError(`"${text}" sets no variable`, 'Give NAME=VALUE.');
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

/** @throws CliError of code USAGE */
export function parseReplicas(text: string): number {
  if (!/^[0-9]{1,5}$/.test(text)) throw usageError(`"${text}" is not a number of replicas`);
  return Number(text);
}

export function describesApp(options: AppOptions): boolean {
  const { image, tag, account, ports, env, targets, replicas } = options;
  return (
    image !== undefined ||
    tag !== undefined ||
    account !== undefined ||
    replicas !== undefined ||
    ports.length + env.length + targets.length > 0
  );
}

/** @throws CliError of code USAGE without an image */
export function appManifest(name: string, options: AppOptions, allTargets: readonly string[]): Manifest {
  if (options.image === undefined)
    throw usageError('an app needs an image', `Give it: kon app create ${name} --image IMAGE`);
  const targets = options.targets.length > 0 ? options.targets : allTargets;
  if (targets.length === 0)
    throw usageError('an app needs a target, and the cluster has none', 'Make one: kon target create NAME');
  const spec: AppSpec = { image: options.image, targets: targets.map(newTarget) };
  return {
    apiVersion,
    kind: 'App',
    metadata: { name },
    spec: changedSpec(spec, { ...options, targets: [], noAccount: false }),
  };
}

const newTarget = (name: string): AppSpec['targets'][number] => ({ name, deployMode: 'latest' });

/** @throws CliError of code USAGE when the options contradict each other */
export function changedSpec(current: AppSpec, options: AppChange): AppSpec {
  if (options.account !== undefined && options.noAccount)
    throw usageError('--account and --no-account were given', 'Give either.');
  const { serviceAccount, imageTag: _imageTag, ...rest } = current;
  const account = options.account ?? (options.noAccount ? undefined : serviceAccount);
  const { ports, env, replicas } = options;
  return {
    ...rest,
    ...imageOf(current, options),
    ...(account === undefined ? {} : { serviceAccount: account }),
    ...(ports.length > 0 ? { ports: ports.map((port) => ({ ...port, protocol: 'TCP' as const })) } : {}),
    ...(env.length > 0 ? { env: mergedEnv(current.env ?? [], env) } : {}),
    ...(replicas === undefined ? {} : { scale: { ...current.scale, min: replicas } }),
    ...(options.targets.length > 0
      ? {
          // What a target has of its own stays.
          targets: options.targets.map(
            (name) => current.targets.find((target) => target.name === name) ?? newTarget(name),
          ),
        }
      : {}),
  };
}

/** A tag within `--image` is taken out of it, since the spec has a field for it. */
function imageOf(current: AppSpec, { image, tag }: AppOptions): Pick<AppSpec, 'image' | 'imageTag'> {
  if (image === undefined)
    return {
      image: current.image,
      ...(tag === undefined ? optionalTag(current.imageTag) : { imageTag: tag }),
    };
  const split = /^(.*):([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$/.exec(image);
  const hasTag = split && !split[1]?.includes('@') && !image.slice(split[1]?.length).includes('/');
  if (!hasTag) return { image, ...optionalTag(tag) };
  if (tag !== undefined && tag !== split[2])
    throw usageError(`two tags are given: "${split[2]}" in --image, and --tag "${tag}"`, 'Give either.');
  return { image: split[1] ?? image, ...optionalTag(split[2]) };
}

const optionalTag = (tag: string | undefined): Pick<AppSpec, 'imageTag'> =>
  tag === undefined ? {} : { imageTag: tag };

function mergedEnv(
  current: NonNullable<AppSpec['env']>,
  settings: readonly EnvSetting[],
): NonNullable<AppSpec['env']> {
  const names = new Set(settings.map((setting) => setting.name));
  return [
    ...current.filter((variable) => !names.has(variable.name)),
    ...settings.map((each) => ({ ...each })),
  ];
}
