/**
 * Checks the layer rule: an allow-list names the folders and packages that each folder of src/ is permitted to import.
 * New folders and dependencies must be added to this list. Also checks for import cycles between files, including
 * type-only imports.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

type Layer = {
  /** Folders of src/ (by their first segment) that this layer is permitted to import. Every layer can import itself. */
  readonly imports: readonly string[];
  /** Package names that this layer is permitted to import; `node:` stands for all Node.js modules. */
  readonly packages: readonly string[] | 'any';
  /**
   * Whether the layer is permitted to read the clock, random numbers, argv and environment variables. All other layers
   * receive these values as arguments.
   */
  readonly ambient?: true;
};

const layers: Readonly<Record<string, Layer>> = {
  k8s: { imports: [], packages: [] },
  http: { imports: ['k8s'], packages: 'any' },
  api: { imports: ['k8s'], packages: ['zod'] },
  identity: { imports: ['k8s', 'api', 'policy'], packages: ['@noble/hashes'] },
  workloads: { imports: ['k8s', 'api'], packages: ['@noble/hashes'] },
  policy: { imports: ['api'], packages: ['node:net'] },
  rbac: { imports: ['k8s', 'api'], packages: ['@noble/hashes'] },
  kube: { imports: ['k8s', 'http'], packages: 'any' },
  'eks-auth': { imports: ['api'], packages: ['@aws-sdk/client-eks', '@smithy/core', '@smithy/types'] },
  aws: { imports: ['k8s', 'http', 'api', 'policy', 'identity', 'eks-auth'], packages: 'any' },
  operator: { imports: ['k8s', 'api', 'identity', 'workloads', 'rbac', 'kube', 'aws'], packages: 'any' },
  sandbox: {
    imports: ['k8s', 'api', 'policy', 'identity', 'workloads', 'rbac', 'kube', 'eks-auth', 'aws'],
    packages: 'any',
  },
  cli: {
    imports: ['k8s', 'http', 'api', 'policy', 'identity', 'workloads', 'rbac', 'kube', 'aws', 'operator'],
    packages: 'any',
  },
  bin: { imports: ['k8s', 'cli', 'operator', 'kube'], packages: 'any', ambient: true },
};

/** Files that are permitted to import one layer in addition to the layers that their own layer can import. */
const doors: Readonly<Record<string, string>> = { 'src/cli/commands/sandbox/engine.ts': 'sandbox' };

const root = resolve(import.meta.dirname, '..');
const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g;
const ambientPattern =
  /\bDate\.now\(|\bnew Date\(\s*\)|\bMath\.random\(|\bprocess\.(?:env|argv)\b|\bcrypto\.random/;

/** A clock whose type is `number` instead of `Monotonic` or `Wall`. */
const untypedClockPattern = /\b(?:now|monotonic|wallClock)\??: \(\) => number\b/;
const clocksOfTests = 'src/k8s/testing/clocks.ts';

/** Folders of src/identity. Each folder is permitted to import the folders before it in this list. */
const identityFolders = ['state', 'desired', 'steps', 'plan', 'testing'];

const faults: string[] = [];
/** Imports of each file, keyed by path. Excludes tests, because no file imports them. */
const arrows = new Map<string, readonly string[]>();
for (const file of globSync(['src/**/*.ts', 'sandbox/src/**/*.ts'], { cwd: root }).sort()) {
  const layerName = layerOf(file);
  const layer = layers[layerName];
  if (!layer) {
    faults.push(`${file}: the folder src/${layerName} is not in the layer table of scripts/check-layers.ts`);
    continue;
  }
  const isTest = /\.(test|property\.test)\.ts$/.test(file);
  const text = readFileSync(join(root, file), 'utf8');
  if (
    !isTest &&
    !layer.ambient &&
    !file.startsWith('sandbox/src/bin/') &&
    file !== clocksOfTests &&
    ambientPattern.test(text)
  ) {
    faults.push(
      `${file}: reads the clock, randomness, argv or env, which only the bin folders are permitted to read; pass the value as a parameter`,
    );
  }
  if (untypedClockPattern.test(text))
    faults.push(`${file}: has a clock that returns plain numbers; use a type from src/k8s/time.ts`);
  const imports: string[] = [];
  if (!isTest) arrows.set(file, imports);
  for (const match of text.matchAll(importPattern)) {
    const target = match[1] ?? match[2] ?? match[3] ?? '';
    if (target.startsWith('.')) {
      const imported = relative(root, resolve(dirname(join(root, file)), target));
      imports.push(imported);
      if (!isTest && identityFloorOf(file) < identityFloorOf(imported))
        faults.push(`${file}: src/identity is layered as ${identityFolders.join(' < ')} (${target})`);
      const importedLayer = layerOf(imported);
      if (importedLayer === '') {
        if (!imported.endsWith('package.json'))
          faults.push(`${file}: imports ${target}, which is outside src/ and sandbox/`);
      } else if (
        importedLayer !== layerName &&
        importedLayer !== doors[file] &&
        !layer.imports.includes(importedLayer)
      ) {
        faults.push(`${file}: src/${layerName} is not permitted to import src/${importedLayer} (${target})`);
      }
    } else if (!isTest && layer.packages !== 'any') {
      const name = target.startsWith('@')
        ? target.split('/').slice(0, 2).join('/')
        : (target.split('/')[0] ?? '');
      if (!layer.packages.includes(name))
        faults.push(`${file}: src/${layerName} is not permitted to import the package ${name}`);
    }
  }
}

/**
 * The page runs in a browser, so it may import only browser packages, the message types of its server, and pure text functions of
 * the command line.
 */
const pagePackages = ['react', 'react-dom', '@tanstack/react-query'];
const pageImports = /^src\/cli\/(console\/wire|objects\/last-used)\.ts$/;
for (const file of globSync('console/src/**/*.{ts,tsx}', { cwd: root }).sort()) {
  for (const match of readFileSync(join(root, file), 'utf8').matchAll(importPattern)) {
    const target = match[1] ?? match[2] ?? match[3] ?? '';
    const imported = relative(root, resolve(dirname(join(root, file)), target));
    const isAllowed = target.startsWith('.')
      ? imported.startsWith('console/src/') || pageImports.test(imported)
      : pagePackages.includes(target.replace('react-dom/client', 'react-dom'));
    if (!isAllowed) faults.push(`${file}: the page of the console is not permitted to import ${target}`);
  }
}

for (const circle of circlesIn(arrows)) faults.push(`import cycle: ${circle.join(' -> ')}`);

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);
console.log('layers: every import follows the layer table, and no import cycles exist');

/** Returns the index of a file's folder in `identityFolders`, Infinity for index.ts, or NaN for a file outside src/identity. */
function identityFloorOf(path: string): number {
  const [top, part, folder = ''] = path.split('/');
  if (top !== 'src' || part !== 'identity') return NaN;
  return identityFolders.includes(folder) ? identityFolders.indexOf(folder) : Infinity;
}

/** Finds import cycles: the strongly connected components with more than one file, each sorted by path. Uses Tarjan's algorithm. */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const circles: string[][] = [];
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): number => {
    const index = lowest.size;
    lowest.set(file, index);
    stack.push(file);
    let low = index;
    for (const next of graph.get(file) ?? []) {
      if (!graph.has(next)) continue;
      const reached = lowest.has(next) ? (stack.includes(next) ? (lowest.get(next) ?? 0) : low) : visit(next);
      low = Math.min(low, reached);
    }
    lowest.set(file, low);
    if (low === index) {
      const circle = stack.splice(stack.indexOf(file));
      if (circle.length > 1) circles.push(circle.toSorted());
    }
    return low;
  };
  for (const file of graph.keys()) if (!lowest.has(file)) visit(file);
  return circles;
}

/** Returns the layer of a file: its folder in src/, `sandbox`, or an empty string for other files. */
function layerOf(path: string): string {
  const [top, second] = path.split('/');
  if (top === 'src') return second ?? '';
  return top === 'sandbox' ? top : '';
}
