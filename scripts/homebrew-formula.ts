/**
 * Prints the Homebrew formula for the executables `kon-PLATFORM` in `--folder`. `--repository OWNER/NAME` is the GitHub
 * repository that publishes the executables.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type ExecutablePlatform, executables, formula } from './release/formula.ts';

const root = resolve(import.meta.dirname, '..');
const { repository = '', folder = '' } = parseArgs({
  options: { repository: { type: 'string' }, folder: { type: 'string' } },
}).values;
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const digests = Object.fromEntries(
  executables.map((platform) => [
    platform,
    createHash('sha256')
      .update(readFileSync(join(folder, `kon-${platform}`)))
      .digest('hex'),
  ]),
) as Record<ExecutablePlatform, string>;
process.stdout.write(
  formula({
    version: manifest.version,
    repository,
    description: 'Gives pods on Amazon EKS the AWS permissions that one object lists',
    digests,
  }),
);
