/**
 * Configs of an App on a target. Each config is one immutable ConfigMap whose name contains a digest of its content. A
 * changed config changes the pod template, and so rolls the pods. Pods of an old template keep the old content, even if
 * they restart during a rollout or after a rollback.
 */
import type { App, Config } from '../api/index.ts';
import type { Deployment } from './deployment.ts';
import { digestOf, type JsonObject } from './manifest.ts';
import type { TargetSpec } from './target-spec.ts';

/** Prefix of the names of the volumes that contain the files of configs. */
export const configVolumePrefix = 'config-';

export type RenderedConfig = {
  readonly config: Config;
  /** Name of the ConfigMap. */
  readonly name: string;
  readonly data: Readonly<Record<string, string>>;
};

export function renderConfigs(app: App, target: TargetSpec): readonly RenderedConfig[] {
  return target.configs.map((config) => {
    const data = config.data ?? {};
    // The digest includes the names of app and config. Otherwise the app `a-b` with the config `c` and the app `a` with
    // the config `b-c` could get the same ConfigMap name.
    const digest = digestOf([app.metadata.name, config.name, data]).slice(0, 10);
    return { config, name: `${app.metadata.name}-${config.name}-${digest}`, data };
  });
}

/** Fields of the pod template that refer to the ConfigMaps. */
export function configFields(configs: readonly RenderedConfig[]): {
  readonly envFrom?: readonly JsonObject[];
  readonly volumeMounts?: readonly JsonObject[];
  readonly volumes?: readonly JsonObject[];
} {
  const variables = configs.filter(({ config }) => config.mountPath === undefined);
  const files = configs.flatMap(({ config, name }) =>
    config.mountPath === undefined
      ? []
      : [{ volume: `${configVolumePrefix}${config.name}`, mountPath: config.mountPath, name }],
  );
  return {
    ...(variables.length > 0 ? { envFrom: variables.map(({ name }) => ({ configMapRef: { name } })) } : {}),
    ...(files.length > 0
      ? {
          volumeMounts: files.map(({ volume, mountPath }) => ({ name: volume, mountPath, readOnly: true })),
          volumes: files.map(({ volume, name }) => ({ name: volume, configMap: { name } })),
        }
      : {}),
  };
}

/** Names of the ConfigMaps that pods of the current template need. */
export function configsInUse(deployment: Deployment): ReadonlySet<string> {
  const { containers = [], volumes = [] } = deployment.spec?.template?.spec ?? {};
  return new Set([
    ...containers.flatMap(({ envFrom = [] }) =>
      envFrom.flatMap(({ configMapRef }) => configMapRef?.name ?? []),
    ),
    ...volumes.flatMap(({ configMap }) => configMap?.name ?? []),
  ]);
}
