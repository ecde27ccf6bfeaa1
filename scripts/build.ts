/**
 * Bundles the executable into dist/ (or the folder given with --outdir). One file per entry and shared chunks, all in one folder, so that code which looks
 * for a data file next to itself (`import.meta.url`) finds it next to the bundle: what it needs is copied there.
 */
import { cp, chmod, readdir, rm, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const { outdir } = parseArgs({ options: { outdir: { type: 'string', default: join(root, 'dist') } } }).values;
const dist = resolve(outdir);

/** Files that are read at run time, by the folder next to which the code that reads them stands. */
const assets: readonly { readonly from: string; readonly matching?: RegExp; readonly to: string }[] = [
  { from: 'src/sandbox/binaries/modules', to: 'modules' },
  { from: 'src/sandbox/aws/catalogue', matching: /\.generated\./, to: '.' },
];

await rm(dist, { recursive: true, force: true });

const result = await build({
  entryPoints: ['kon', 's3-probe', 'tour-editor'].map((name) => join(root, `src/bin/${name}.ts`)),
  outdir: dist,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  // Without it the AWS SDK resolves to CommonJS, and its modules lose their named exports in `await import()`.
  mainFields: ['module', 'main'],
  // CommonJS packages in an ES module have no `require` of their own.
  banner: {
    js: "import { createRequire as createKonRequire } from 'node:module'; const require = createKonRequire(import.meta.url);",
  },
  chunkNames: '[name]-[hash]',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  sourcemap: false,
  metafile: true,
  logLevel: 'warning',
});

for (const asset of assets) {
  const from = join(root, asset.from);
  if (!(await exists(from))) continue;
  const { matching } = asset;
  if (!matching) {
    await cp(from, join(dist, asset.to), { recursive: true });
    continue;
  }
  for (const name of await readdir(from))
    if (matching.test(name)) await cp(join(from, name), join(dist, asset.to, name));
}

await chmod(join(dist, 'kon.js'), 0o755);

const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(
  `build: ${Object.keys(result.metafile.outputs).length} files, ${(bytes / 1024 / 1024).toFixed(1)} MiB in ${relative(process.cwd(), dist)}`,
);

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
