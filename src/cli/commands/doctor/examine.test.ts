import { expect, it } from 'vitest';
import { KubeApiError } from '../../../kube/index.ts';
import { failure, ok, type Check, type Verdict } from './check.ts';
import { examine, type Finding } from './examine.ts';
import type { Lookups } from './lookups.ts';
import type { CheckId } from './registry.ts';
import { findingLines, isHealthy, reportDocument, summaryLine } from './handler.ts';
import type { Monotonic } from '../../../k8s/time.ts';

const never = new AbortController().signal;
const check = (
  id: string,
  needs: readonly string[],
  run: () => Promise<Verdict>,
  mayPass = false,
): Check => ({
  id: id as CheckId,
  category: 'Cluster',
  title: `${id} holds`,
  needs: needs as readonly CheckId[],
  mayPass,
  run,
});

async function examined(
  checks: readonly Check[],
  deadline = 0,
): Promise<{
  readonly findings: readonly Finding[];
  readonly waits: readonly string[];
  readonly rounds: number;
}> {
  let [time, rounds] = [0, 0];
  const waits: string[] = [];
  const findings = await examine({
    checks,
    lookups: () => {
      rounds += 1;
      return { close: () => undefined } as Lookups;
    },
    signal: never,
    monotonic: () => time as Monotonic,
    deadline,
    pause: async () => {
      time += 1;
    },
    onFinding: () => undefined,
    onWaiting: ({ id }, verdict) => waits.push(`${id}: ${verdict.message}`),
  });
  return { findings, waits, rounds };
}

const statuses = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ verdict }) => verdict.status);

it('kon doctor skips a check that depends directly or indirectly on a failed check', async () => {
  const { findings } = await examined([
    check('a', [], async () => failure('broken')),
    check('b', ['a'], async () => ok()),
    check('c', ['b'], async () => ok()),
    check('d', [], async () => ok()),
  ]);
  expect(statuses(findings)).toEqual(['error', 'skipped', 'skipped', 'ok']);
  expect(isHealthy(findings)).toBe(false);
});

it('kon doctor repeats a failed check with new lookups until the check passes, but only if the check may pass later', async () => {
  let tries = 0;
  const { findings, waits, rounds } = await examined(
    [
      check('fixed', [], async () => failure('for ever')),
      check('late', [], async () => ((tries += 1) < 3 ? failure(`try ${tries}`) : ok()), true),
    ],
    10,
  );
  expect(statuses(findings)).toEqual(['error', 'ok']);
  expect(waits).toEqual(['late: try 1', 'late: try 2']);
  expect(rounds).toBe(3);
});

it('kon doctor stops repeating a failed check at the deadline', async () => {
  const { findings, waits } = await examined([check('never', [], async () => failure('no'), true)], 3);
  expect(statuses(findings)).toEqual(['error']);
  expect(waits).toHaveLength(3);
});

it('kon doctor reports a denied read as a warning, and any other failed read as an error', async () => {
  const forbidden = new KubeApiError({
    kind: 'Status',
    status: 'Failure',
    code: 403,
    reason: 'Forbidden',
    message: 'leases is forbidden',
  });
  const { findings } = await examined([
    check('unseen', [], async () => Promise.reject(forbidden)),
    check('faulty', [], async () => Promise.reject(new Error('it broke'))),
  ]);
  expect(findings.map(({ verdict }) => [verdict.status, verdict.message])).toEqual([
    ['warning', 'permission denied: leases is forbidden'],
    ['error', 'it broke'],
  ]);
});

it('kon doctor prints each problem below its check, with the command that explains the check', async () => {
  const { findings } = await examined([
    check('a', [], async () => ok('v1')),
    check('b', [], async () => failure('broken', ['first', 'second'])),
    check('c', ['b'], async () => ok()),
  ]);
  expect(findings.map((finding) => findingLines(finding, false)).join('')).toBe(`√ a holds (v1)
× b holds
    broken
    first
    second
    For more information: kon explain b
- c holds
    needs b
`);
  expect(summaryLine(findings, false)).toBe('Status check results are × (1 error, 1 skipped)\n');
  expect(reportDocument(findings)).toMatchObject({
    healthy: false,
    checks: [
      { id: 'a', status: 'ok', message: 'v1' },
      {
        id: 'b',
        status: 'error',
        details: ['first', 'second'],
        documentation: 'docs/guides/doctor.md#b',
        explain: 'kon explain b',
      },
      { id: 'c', status: 'skipped' },
    ],
  });
});
