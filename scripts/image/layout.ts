/**
 * OCI image layouts (https://github.com/opencontainers/image-spec/blob/main/image-layout.md): a folder with content-addressed
 * blobs, and an index that lists a single image or one image per platform.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Descriptor = {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
};
export type Index = { readonly manifests: readonly Descriptor[] };
export type Manifest = { readonly config: Descriptor; readonly layers: readonly Descriptor[] };
export type ImageConfig = {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly config?: { readonly Env?: readonly string[] };
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] };
};

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

export const digestOf = (content: Buffer): string =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`;

const blobPath = (folder: string, digest: string): string => join(folder, 'blobs', ...digest.split(':'));

/** @throws Error when the content does not match the digest */
export async function readBlob(folder: string, digest: string): Promise<Buffer> {
  const content = await readFile(blobPath(folder, digest));
  const actual = digestOf(content);
  if (actual !== digest) throw new Error(`the blob ${digest} of ${folder} has the digest ${actual}`);
  return content;
}

export async function readJson<T>(folder: string, digest: string): Promise<T> {
  return JSON.parse((await readBlob(folder, digest)).toString()) as T;
}

export async function writeBlob(folder: string, mediaType: string, content: Buffer): Promise<Descriptor> {
  const digest = digestOf(content);
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  await writeFile(blobPath(folder, digest), content);
  return { mediaType, digest, size: content.length };
}

export function writeJson(folder: string, mediaType: string, value: object): Promise<Descriptor> {
  return writeBlob(folder, mediaType, Buffer.from(JSON.stringify(value)));
}

/** Writes `oci-layout` and `index.json`, the entry files of a layout, with a single index. */
export async function finishLayout(folder: string, index: Descriptor): Promise<void> {
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}\n');
  const top = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [index] };
  await writeFile(join(folder, 'index.json'), `${JSON.stringify(top)}\n`);
}
