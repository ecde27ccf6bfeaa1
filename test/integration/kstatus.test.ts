/** Statuses of our kinds as kstatus computes them for Flux and `kpt live`, by its own code: https://pkg.go.dev/sigs.k8s.io/cli-utils/pkg/kstatus */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { argoCdFolder, argoCdKinds } from '../../scripts/generate/argo-cd.ts';
import { ensureGoProgram } from '../support/sdks/programs.ts';

type Outcome = { readonly status: string; readonly message: string };
type Sample = { readonly status?: { readonly conditions?: readonly Condition[] } };
type Condition = { readonly type: string; readonly status: string; readonly message: string };

const root = join(import.meta.dirname, '../..');
let program: string;
beforeAll(async () => {
  program = await ensureGoProgram('kstatus');
});

/** Runs kstatus on objects. */
async function statusesOf(objects: readonly unknown[]): Promise<readonly Outcome[]> {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stdin.end(JSON.stringify(objects));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  expect(code).toBe(0);
  return JSON.parse(output) as Outcome[];
}

/** Objects that the health checks of Argo CD are tested with. */
const sample = (kind: string, name: string): Sample =>
  parse(readFileSync(join(root, argoCdFolder, kind, 'testdata', `${name}.yaml`), 'utf8')) as Sample;

const ready = ({ status }: Sample): Condition | undefined =>
  status?.conditions?.find(({ type }) => type === 'Ready');

describe.each(argoCdKinds)('kstatus of %s', (kind) => {
  it('is Current if the operator has processed the current spec and it is ready', async () => {
    expect(await statusesOf([sample(kind, 'healthy')])).toMatchObject([{ status: 'Current' }]);
  });

  it('is InProgress with the message of Ready while the object is not ready', async () => {
    const samples = ['progressing', 'degraded'].map((name) => sample(kind, name));
    expect(await statusesOf(samples)).toEqual(
      samples.map((each) => ({ status: 'InProgress', message: ready(each)?.message })),
    );
  });

  it('is InProgress while Ready is Unknown', async () => {
    const healthy = sample(kind, 'healthy');
    const conditions = healthy.status?.conditions?.map((condition) => ({ ...condition, status: 'Unknown' }));
    const unknown = { ...healthy, status: { ...healthy.status, conditions } };
    expect(await statusesOf([unknown])).toMatchObject([{ status: 'InProgress' }]);
  });

  it('is InProgress after an edit that the operator has not processed, although Ready is True', async () => {
    const outdated = sample(kind, 'outdated');
    expect(ready(outdated)?.status).toBe('True');
    expect(await statusesOf([outdated])).toMatchObject([
      {
        status: 'InProgress',
        message: `${kind} generation is 3, but latest observed generation is 2`,
      },
    ]);
  });

  it('is Terminating until the finalizer is removed', async () => {
    expect(await statusesOf([sample(kind, 'deleting')])).toMatchObject([{ status: 'Terminating' }]);
  });

  it('is Current before the operator has written a status, which the guide warns of', async () => {
    expect(await statusesOf([sample(kind, 'new')])).toMatchObject([{ status: 'Current' }]);
  });
});

it('is InProgress for an account in quarantine', async () => {
  const quarantined = sample('LinkedServiceAccount', 'quarantined');
  expect(await statusesOf([quarantined])).toEqual([
    { status: 'InProgress', message: ready(quarantined)?.message },
  ]);
});
