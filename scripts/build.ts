/**
 * Bundles the executable into dist/ (or the folder of `--outdir`). Each entry is one file, and shared code is in
 * chunks. All files are in one folder, so that code that reads a data file next to itself (`import.meta.dirname`) finds
 * the copy next to the bundle. `--operator` omits the sandbox and its dependencies, for the operator's image.
 * `--metafile FILE` writes esbuild's report about the bundle, including the files of the console's page. `--version X`
 * replaces the version in package.json, for tests of an upgrade.
 */
import { cp, chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { billOfMaterials } from './bill-of-materials.ts';
import { buildConsole } from './build-console.ts';
import { thirdPartyNotices } from './third-party-notices.ts';

const root = resolve(import.meta.dirname, '..');
const { outdir, version, operator, metafile } = parseArgs({
  options: {
    outdir: { type: 'string', default: join(root, 'dist') },
    version: { type: 'string' },
    operator: { type: 'boolean', default: false },
    metafile: { type: 'string' },
  },
}).values;
const dist = resolve(outdir);

/** Data files that code reads at run time. `from` is the folder of this code. */
const assets: readonly { readonly from: string; readonly matching?: RegExp; readonly to: string }[] = [
  ...(operator ? [] : [{ from: 'sandbox/src/binaries/modules', to: 'modules' }]),
  { from: 'src/aws/catalogue', matching: /\.generated\./, to: '.' },
];

/**
 * An `import` of a Node.js module evaluates all of its exports, and some exports load much code: `node:http` alone
 * loads undici. With this plugin, only the imported names are evaluated. Each importing module gets its own copy of the
 * imports, because a shared module would become a separate file.
 */
const builtinsByName: Plugin = {
  name: 'builtins-by-name',
  setup(bundler) {
    bundler.onResolve({ filter: /^[a-z]/ }, ({ path, kind, importer }) =>
      // Excludes the entry file, because it reports an outdated Node.js, which can lack `process.getBuiltinModule`.
      kind === 'import-statement' && isBuiltin(path) && !importer.endsWith('bin/kon.ts')
        ? { path, namespace: 'builtin', suffix: `?${importer}`, sideEffects: false }
        : undefined,
    );
    bundler.onLoad({ filter: /.*/, namespace: 'builtin' }, async ({ path }) => {
      const names = Object.keys((await import(path)) as object).filter((name) =>
        /^(?!default$)\w+$/.test(name),
      );
      const exported = names.map((name, index) => [
        `const e${index} = /* @__PURE__ */ (() => builtin.${name})();`,
        `export { e${index} as ${name} };`,
      ]);
      const asked = `/* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(path)})`;
      return {
        contents: [`const builtin = ${asked};`, 'export default builtin;', ...exported.flat()].join('\n'),
      };
    });
  },
};

/**
 * Leaves the import of the sandbox package unresolved. The module that imports the package reports the missing file.
 */
const withoutSandbox: Plugin = {
  name: 'without-sandbox',
  setup(bundler) {
    bundler.onResolve({ filter: /\/sandbox\/src\/index\.ts$/ }, () => ({
      path: './sandbox.js',
      external: true,
    }));
  },
};

const entries = ['src/bin/kon.ts', 'sandbox/src/bin/s3-probe.ts', 'sandbox/src/bin/tour-editor.ts'];

await rm(dist, { recursive: true, force: true });

const result = await build({
  entryPoints: (operator ? entries.slice(0, 1) : entries).map((path) => join(root, path)),
  entryNames: '[name]',
  outdir: dist,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  // Selects ES modules. Otherwise the AWS SDK would resolve to CommonJS, and its modules would lose their named exports
  // in `await import()`.
  mainFields: ['module', 'main'],
  plugins: [builtinsByName, ...(operator ? [withoutSandbox] : []), withManifestOf(version)],
  // CommonJS packages in an ES module have no `require`, so each file defines a `require` function that is created at
  // its first call.
  banner: {
    js: "const require = (id) => process.getBuiltinModule('node:module').createRequire(import.meta.url)(id);",
  },
  chunkNames: '[name]-[hash]',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  sourcemap: false,
  metafile: true,
  logLevel: 'warning',
});

// A bundled CommonJS module that is loaded with `import()` would have only a default export, unlike in an unbundled run.
for (const [importer, { imports }] of Object.entries(result.metafile.inputs))
  for (const { kind, path } of imports)
    if (kind === 'dynamic-import' && result.metafile.inputs[path]?.format === 'cjs')
      throw new Error(
        `${importer} loads ${path} with import(), but ${path} is CommonJS: re-export it from an ES module`,
      );

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

const page = await buildConsole(root, join(dist, 'console'));
const inputs = [...Object.keys(result.metafile.inputs), ...page];

// Without this file, Node.js would have to detect for each file that it is an ES module.
await writeFile(join(dist, 'package.json'), '{"type":"module"}\n');
await chmod(join(dist, 'kon.js'), 0o755);
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  readonly name: string;
  readonly version: string;
};
const bill = await billOfMaterials(root, inputs, {
  ...manifest,
  version: version ?? manifest.version,
});
await writeFile(join(dist, 'sbom.cdx.json'), `${JSON.stringify(bill, undefined, 2)}\n`);

await writeFile(join(dist, 'THIRD-PARTY-NOTICES'), await thirdPartyNotices(root, inputs));

if (metafile !== undefined) {
  const ofPage = Object.fromEntries(page.map((path) => [path, { bytes: 0, imports: [] }]));
  const report = { ...result.metafile, inputs: { ...result.metafile.inputs, ...ofPage } };
  await writeFile(metafile, JSON.stringify(report));
}

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

/**
 * Reduces package.json to its version, or to the version `other`. Otherwise each start of `kon` would load the list of
 * packages.
 */
function withManifestOf(other: string | undefined): Plugin {
  const path = join(root, 'package.json');
  return {
    name: 'manifest',
    setup(bundler) {
      bundler.onLoad({ filter: /[/\\]package\.json$/ }, async (loaded) => {
        if (loaded.path !== path) return undefined;
        const own = JSON.parse(await readFile(path, 'utf8')) as { readonly version: string };
        return { contents: JSON.stringify({ version: other ?? own.version }), loader: 'json' };
      });
    },
  };
}
