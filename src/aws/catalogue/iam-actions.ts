/**
 * IAM actions of each service, from AWS's service authorization reference. For each action, the data names the services
 * whose resources the action supports. The actions are loaded on demand from a compressed asset. The asset is next to
 * this file, or next to the bundle.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import type { ServiceActions } from '../../policy/lint.ts';

const assetName = 'iam-actions.generated.txt.br';

let lines: ReadonlyMap<string, string> | undefined;
const parsed = new Map<string, ServiceActions>();

/** Returns the prefixes of all services with IAM actions, for example `sqs`. */
export function iamServices(): readonly string[] {
  return [...loadLines().keys()];
}

function loadLines(): ReadonlyMap<string, string> {
  lines ??= new Map(
    brotliDecompressSync(readFileSync(join(import.meta.dirname, assetName)))
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t') as [string, string]),
  );
  return lines;
}

/**
 * Returns the actions of a service, or undefined if AWS has no such service.
 * @param service prefix of the service, for example `sqs`
 */
export function iamActions(service: string): ServiceActions | undefined {
  const known = parsed.get(service);
  if (known) return known;
  const line = loadLines().get(service);
  if (line === undefined) return undefined;
  const actions = new Map(
    line.split(' ').map((entry) => {
      const [name = '', services = ''] = entry.split('=');
      return [name.toLowerCase(), { name, resourcesOf: services === '' ? [] : services.split(',') }];
    }),
  );
  parsed.set(service, actions);
  return actions;
}
