/** Pure functions that add the operator's layer to a base image. */
import { type Descriptor, type ImageConfig, type Manifest, mediaTypes } from './layout.ts';
import { imageSettings } from './settings.ts';

/** Timestamp of the image: a constant, so that the same input has the same digest. */
const created = '1970-01-01T00:00:00Z';

/**
 * Returns the configuration of the image for the platform of the base image. Keeps the base image's environment variables, except
 * those that the operator's settings override.
 */
export function composeConfig(base: ImageConfig, diffId: string, version: string): object {
  const { architecture, os, variant } = base;
  const { Env, ...settings } = imageSettings;
  const names = new Set(Env.map(nameOf));
  return {
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    created,
    config: {
      ...settings,
      Env: [...(base.config?.Env ?? []).filter((variable) => !names.has(nameOf(variable))), ...Env],
      Labels: {
        'org.opencontainers.image.title': 'konstellation',
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.version': version,
      },
    },
    rootfs: { type: 'layers', diff_ids: [...base.rootfs.diff_ids, diffId] },
  };
}

const nameOf = (variable: string): string => variable.split('=', 1)[0] ?? '';

export function composeManifest(base: Manifest, config: Descriptor, layer: Descriptor): object {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config,
    layers: [...base.layers, layer],
  };
}

/** Finds the base image for each platform, such as `linux/arm64`. @throws Error if no base image exists for a platform */
export function imagesFor(
  manifests: readonly Descriptor[],
  platforms: readonly string[],
): readonly Descriptor[] {
  return platforms.map((wanted) => {
    const found = manifests.find(
      ({ platform }) => platform && `${platform.os}/${platform.architecture}` === wanted,
    );
    if (found) return found;
    const existing = manifests.flatMap(({ platform }) =>
      platform ? [`${platform.os}/${platform.architecture}`] : [],
    );
    throw new Error(
      `the base image has no ${wanted}; its platforms are: ${existing.join(', ') || 'no platforms'}`,
    );
  });
}
