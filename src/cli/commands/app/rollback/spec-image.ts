/** Splits an image into the fields of an app's spec, the inverse of the operator's combination of these fields. Pure. */
import type { AppSpec } from '../../../../api/app.ts';

export type FieldChange = {
  readonly field: 'registry' | 'image' | 'imageTag';
  readonly from: string | undefined;
  readonly to: string | undefined;
};

/** Returns the spec with the given image. Changes as few fields as possible: only the tag if that is enough. */
export function withImage(spec: AppSpec, image: string): AppSpec {
  const { registry, imageTag: _imageTag, ...rest } = spec;
  const prefix = registry ? `${registry.replace(/\/$/, '')}/` : '';
  const isWithin = image.startsWith(prefix) && image.length > prefix.length;
  const path = isWithin ? image.slice(prefix.length) : image;
  const kept = isWithin && registry !== undefined ? { ...rest, registry } : rest;
  const { name, tag } = splitTag(path);
  // A tag that was part of `spec.image` stays part of it.
  const isWhole =
    tag === undefined || spec.image === path || (spec.imageTag === undefined && hasTag(spec.image));
  return isWhole ? { ...kept, image: path } : { ...kept, image: name, imageTag: tag };
}

const hasTag = (path: string): boolean => splitTag(path).tag !== undefined;

/**
 * Splits the tag off an image. A colon before the last slash belongs to the registry's port, and a colon after `@` belongs to a
 * digest.
 */
function splitTag(path: string): { readonly name: string; readonly tag: string | undefined } {
  const match = /^([^@]+):([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$/.exec(path);
  return match ? { name: match[1] ?? '', tag: match[2] } : { name: path, tag: undefined };
}

export function imageChanges(before: AppSpec, after: AppSpec): readonly FieldChange[] {
  return (['registry', 'image', 'imageTag'] as const)
    .map((field) => ({ field, from: before[field], to: after[field] }))
    .filter(({ from, to }) => from !== to);
}
