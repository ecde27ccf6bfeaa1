/**
 * Builds the operator's image without Docker: the bundle of `scripts/build.ts --operator` as one layer on a base image with
 * Node.js. Writes an OCI image layout with one image per platform, and the bill of materials next to it. All platforms have the
 * same bundle, and the same input results in the same digest. `--base` names the base image by digest, `--platform` a platform
 * (repeatable; default: linux/amd64 and linux/arm64), and `--outdir` the folder of the layout (default: build/image). `crane
 * push` publishes the layout.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { findProgram } from './find-program.ts';
import { composeConfig, composeManifest, imagesFor } from './image/compose.ts';
import {
  type Descriptor,
  digestOf,
  finishLayout,
  type ImageConfig,
  type Index,
  type Manifest,
  mediaTypes,
  readBlob,
  readJson,
  writeBlob,
  writeJson,
} from './image/layout.ts';
import { tarOf } from './image/tar.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const { base, outdir, platform } = parseArgs({
  options: {
    base: { type: 'string', default: '' },
    outdir: { type: 'string', default: join(root, 'build', 'image') },
    platform: { type: 'string', multiple: true, default: ['linux/amd64', 'linux/arm64'] },
  },
}).values;

const digest = /^[^@]+@(sha256:[0-9a-f]{64})$/.exec(base)?.[1];
if (digest === undefined) {
  console.error(
    'name the base image by digest, since a tag can change: --base gcr.io/distroless/nodejs24-debian13@sha256:DIGEST (make image BASE=…)\n' +
      'node scripts/run-program.ts crane digest gcr.io/distroless/nodejs24-debian13:nonroot prints the current digest',
  );
  process.exit(2);
}
const target = resolve(outdir);
const work = await mkdtemp(join(tmpdir(), 'kon-image-'));
try {
  const bundle = join(work, 'app');
  await run(process.execPath, [join(root, 'scripts/build.ts'), '--operator', `--outdir=${bundle}`]);
  const pulled = join(work, 'base');
  await run(await findProgram('crane'), ['pull', '--format=oci', base, pulled], {
    maxBuffer: 64 * 1024 * 1024,
  });

  await rm(target, { recursive: true, force: true });
  const tar = await tarOf(bundle, 'app');
  const layer = await writeBlob(target, mediaTypes.layer, compress(tar));
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const { manifests } = await readJson<Partial<Index>>(pulled, digest);
  if (!manifests)
    throw new Error(
      `${base} is an image for a single platform: specify the digest of the index with all platforms`,
    );
  const images: Descriptor[] = [];
  for (const image of imagesFor(manifests, platform)) {
    const manifest = await readJson<Manifest>(pulled, image.digest);
    for (const { mediaType, digest: blob } of manifest.layers)
      await writeBlob(target, mediaType, await readBlob(pulled, blob));
    const config = composeConfig(
      await readJson<ImageConfig>(pulled, manifest.config.digest),
      digestOf(tar),
      version,
    );
    const described = await writeJson(target, mediaTypes.config, config);
    const composed = composeManifest(manifest, described, layer);
    const written = await writeJson(target, mediaTypes.manifest, composed);
    images.push({ ...written, ...(image.platform && { platform: image.platform }) });
  }
  const index = await writeJson(target, mediaTypes.index, {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: images,
    annotations: { 'org.opencontainers.image.version': version },
  });
  await finishLayout(target, index);
  await copyFile(join(bundle, 'sbom.cdx.json'), `${target}.sbom.cdx.json`);
  console.log(`image: ${relative(process.cwd(), target)}, ${platform.join(' and ')}, ${index.digest}`);
} finally {
  await rm(work, { recursive: true, force: true });
}

/**
 * Compresses the content, and sets the header byte that names the operating system to "unknown", so that the result is
 * the same on every system.
 */
function compress(content: Buffer): Buffer {
  const compressed = gzipSync(content, { level: 9 });
  compressed[9] = 255;
  return compressed;
}
