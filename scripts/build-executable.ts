/**
 * Builds `kon` as a single executable file that needs no installed Node.js, for the platform of this machine. The file is a copy
 * of the Node.js that runs this script, with all code and data added
 * (https://nodejs.org/api/single-executable-applications.html). `--outfile` is its path (default: build/kon).
 */
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { build } from 'esbuild';
import { billOfMaterials } from './bill-of-materials.ts';
import { buildConsole } from './build-console.ts';
import { thirdPartyNotices } from './third-party-notices.ts';

const root = resolve(import.meta.dirname, '..');
const { outfile } = parseArgs({
  options: { outfile: { type: 'string', default: join(root, 'build', 'kon') } },
}).values;
const target = resolve(outfile);

const work = await mkdtemp(join(tmpdir(), 'kon-executable-'));
const page = await buildConsole(root, join(work, 'console'));
/** Data files that scripts/build.ts copies next to the bundle. */
const data = [
  ...(await filesUnder(join(work, 'console'), 'console')),
  ...(await filesUnder('sandbox/src/binaries/modules', 'modules')),
  ...(await filesUnder('src/aws/catalogue', '.')).filter(({ path }) => path.includes('.generated.')),
];

try {
  const main = join(work, 'kon.cjs');
  const { metafile } = await build({
    entryPoints: [join(root, 'src/bin/one-file.ts')],
    outfile: main,
    bundle: true,
    platform: 'node',
    // Single executables of Node.js can run only CommonJS modules.
    format: 'cjs',
    target: 'node22',
    mainFields: ['module', 'main'],
    define: { 'import.meta.dirname': 'konFolder' },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  await mkdir(dirname(target), { recursive: true });
  const inputs = [...Object.keys(metafile.inputs), ...page];
  await writeFile(`${target}.THIRD-PARTY-NOTICES`, await thirdPartyNotices(root, inputs));
  const application = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
  };
  const bill = await billOfMaterials(root, inputs, application);
  await writeFile(`${target}.sbom.cdx.json`, `${JSON.stringify(bill, undefined, 2)}\n`);
  const list = join(work, 'list.json');
  await writeFile(list, JSON.stringify(data.map(({ path, digest }) => ({ path, digest }))));
  const blob = join(work, 'kon.blob');
  const config = join(work, 'config.json');
  await writeFile(
    config,
    JSON.stringify({
      main,
      output: blob,
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      assets: { 'list.json': list, ...Object.fromEntries(data.map(({ path, file }) => [path, file])) },
    }),
  );
  await promisify(execFile)(process.execPath, ['--experimental-sea-config', config]);
  await rm(target, { force: true });
  await copyFile(process.execPath, target);
  await chmod(target, 0o755);
  // Runs postject in a separate process to hide its irrelevant warnings about sections of the Node.js executable.
  await promisify(execFile)(process.execPath, [
    fileURLToPath(import.meta.resolve('postject/dist/cli.js')),
    target,
    'NODE_SEA_BLOB',
    blob,
    '--sentinel-fuse',
    'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2',
    ...(process.platform === 'darwin' ? ['--macho-segment-name', 'NODE_SEA'] : []),
  ]);
  // Signs the changed file again, because macOS kills a process without a valid signature.
  if (process.platform === 'darwin')
    await promisify(execFile)('codesign', ['--sign', '-', '--force', target]);
} finally {
  await rm(work, { recursive: true, force: true });
}
const { size } = await stat(target);
console.log(
  `build: ${relative(process.cwd(), target)}, ${(size / 1024 / 1024).toFixed(0)} MiB, Node.js ${process.version}`,
);

async function filesUnder(
  folder: string,
  to: string,
): Promise<readonly { readonly path: string; readonly file: string; readonly digest: string }[]> {
  const entries = await readdir(resolve(root, folder), { recursive: true, withFileTypes: true });
  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const file = join(entry.parentPath, entry.name);
        const digest = createHash('sha256')
          .update(await readFile(file))
          .digest('hex');
        return { path: join(to, relative(resolve(root, folder), file)), file, digest };
      }),
  );
}
