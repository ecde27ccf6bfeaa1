/** Which fields of an app's spec make a given image. The inverse of how the operator puts them together. Pure. */
import type { AppSpec } from '../../../../api/app.ts';

export type FieldChange = {
  readonly field: 'registry' | 'image' | 'imageTag';
  readonly from: string | undefined;
  readonly to: string | undefined;
};

/** The spec with that image, changed in as few fields as can be: the tag alone where that is enough. */
export function withImage(spec: AppSpec, image: string): AppSpec {
  const { registry, imageTag: _imageTag, ...rest } = spec;
  const prefix = registry ? `${registry.replace(/\/$/, '')}/` : '';
  const isWithin = image.startsWith(prefix) && image.length > prefix.length;
  const path = isWithin ? image.slice(prefix.length) : image;
  const kept = isWithin && registry !== undefined ? { ...rest, registry } : rest;
  const { name, tag } = splitTag(path);
  // A tag that was part of the image stays part of it.
  const isWhole =
    tag === undefined || spec.image === path || (spec.imageTag === undefined && hasTag(spec.image));
  return isWhole ? { ...kept, image: path } : { ...kept, image: name, imageTag: tag };
}

const hasTag = (path: string): boolean => splitTag(path).tag !== undefined;

/** A colon before the last slash is a registry's port, and after an `@` it belongs to a digest. */
function splitTag(path: string): { readonly name: string; readonly tag: string | undefined } {
  const match = /^([^@]+):([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$/.exec(path);
  return match ? { name: match[1] ?? '', tag: match[2] } : { name: path, tag: undefined };
}

export function imageChanges(before: AppSpec, after: AppSpec): readonly FieldChange[] {
  return (['registry', 'image', 'imageTag'] as const)
    .map((field) => ({ field, from: before[field], to: after[field] }))
    .filter(({ from, to }) => from !== to);
}
