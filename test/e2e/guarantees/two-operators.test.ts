/**
 * Two operators in one cluster, as the chart installs them: one leads, the other waits. In one test, the leader is
 * paused, with work left, for longer than the duration of its Lease. In another test, it is killed.
 */
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linkedServiceAccounts } from '../../../src/api/index.ts';
import { resources } from '../../../src/kube/index.ts';
import type { Running } from '../../support/executable.ts';
import { startPartsAlone, type PartsAlone } from '../../support/parts-alone.ts';
import { createPerson, policies, type Person } from '../../support/person.ts';
import { auditEvents, type AuditEvent } from '../../support/sandbox.ts';
import { roleNameOf } from '../../support/emulator.ts';

const leaseSeconds = 6;
/** Lease duration, plus one retry period (2/15 of the lease duration), plus the reaction time on two busy cores. */
const failoverMs = (leaseSeconds + (leaseSeconds * 2) / 15 + 2) * 1000;
const names = Array.from({ length: 12 }, (_, index) => `many-${index}`);

let parts: PartsAlone;
let person: Person;
const running: Running[] = [];
beforeAll(async () => {
  parts = await startPartsAlone();
  person = createPerson(parts.client);
  await parts.configure({ accountId: parts.accountId, oidcIssuer: parts.cluster.issuer });
});
afterAll(async () => {
  await Promise.all(running.map((operator) => operator.end('SIGKILL')));
  await parts?.stop();
});

/** Starts an operator that authenticates to the API server and AWS as its own user, so that the logs show who wrote. */
async function startOperator(name: string): Promise<Running> {
  const operator = parts.executable.start(
    ['operator', `--lease-duration=${leaseSeconds}`, '--log-level=debug'],
    {
      env: {
        ...(await parts.credentialsThatMay(name, ['iam:Get*', 'iam:List*', 'iam:*'])),
        KUBECONFIG: await parts.cluster.userKubeconfig(name, ['system:masters']),
      },
    },
  );
  running.push(operator);
  await operator.until('operator started');
  return operator;
}

async function writesOf(name: string): Promise<readonly AuditEvent[]> {
  const events = await auditEvents(join(dirname(parts.cluster.log), 'audit.log'));
  return events.filter(
    ({ user, verb }) => user.username === name && !['get', 'list', 'watch'].includes(verb),
  );
}

async function callsOf(name: string, since: number): Promise<readonly string[]> {
  const calls = await parts.aws.journal(since);
  return calls.filter(({ caller }) => caller?.includes(`/${name}/`)).map(({ action }) => action);
}

test('an operator that was paused for longer than its lease exits without any write to Kubernetes or AWS', async () => {
  const paused = await startOperator('paused');
  await paused.until('operator leads');
  const next = await startOperator('next');
  await person.createAccount('first');
  const { status } = await person.untilReady('first');

  // The leader is paused after it has created the first roles, with most of its work left.
  const position = await parts.aws.position();
  const hurry = await parts.aws.inject({ service: 'iam', action: 'CreateRole', latencyMs: 300 });
  await Promise.all(names.map((name) => person.createAccount(name)));
  await parts.aws.untilCalled(position, 'a role to be made', ({ action }) => action === 'CreateRole', 2);
  process.kill(paused.pid, 'SIGSTOP');
  await hurry();
  const pausedAt = performance.now();
  await next.until('operator leads');
  expect(performance.now() - pausedAt).toBeLessThan(failoverMs);
  await person.editPolicies('first', [policies.queues]);
  await Promise.all(['first', ...names].map((name) => person.untilReady(name)));

  const before = { kube: (await writesOf('paused')).length, aws: await parts.aws.position() };
  expect(before.kube).toBeGreaterThan(0);
  process.kill(paused.pid, 'SIGCONT');
  const { code, stderr } = await paused.finished;
  expect(code).not.toBe(0);
  expect(stderr).toContain('the lease was lost');
  expect(stderr).toContain('Next: Start the operator again; a Deployment does this automatically');
  expect(stderr).not.toContain('bug in kon');
  expect((await writesOf('paused')).slice(before.kube)).toEqual([]);
  expect((await callsOf('paused', before.aws)).filter((action) => !/^(?:Get|List)/.test(action))).toEqual([]);
  expect(await parts.aws.role(roleNameOf(status?.roleArn ?? ''))).toMatchObject({
    attached: [policies.queues],
  });
  // No object was created twice.
  const created = (await parts.aws.journal(position)).filter(
    ({ action, changed }) => action === 'CreateRole' && changed,
  );
  expect(created).toHaveLength(names.length);
});

test('a killed leader is replaced within the lease duration plus one retry period; a leader that stops on SIGTERM is replaced earlier', async () => {
  const [, killed] = running;
  const heir = await startOperator('heir');
  await killed?.end('SIGKILL');
  const killedAt = performance.now();
  await heir.until('operator leads');
  expect(performance.now() - killedAt).toBeLessThan(failoverMs);
  await person.createAccount('late');
  await person.untilReady('late');

  const last = await startOperator('last');
  const stoppedAt = performance.now();
  const { code, output } = await heir
    .end('SIGTERM')
    .then((finished) => ({ ...finished, output: heir.output() }));
  expect(code).toBe(0);
  expect(output).toContain('operator stopped');
  await last.until('operator leads');
  // The takeover takes much less time than the lease duration, because the stopped leader released the lease.
  expect(performance.now() - stoppedAt).toBeLessThan(4_000);
  const { items } = await parts.client.list(linkedServiceAccounts);
  expect(items).toHaveLength(names.length + 2);
});

test('an operator that waits for the lease writes nothing', async () => {
  const waiting = await startOperator('waiting');
  const position = await parts.aws.position();
  await person.createAccount('while-it-waits');
  await person.untilReady('while-it-waits');
  await waiting.end('SIGTERM');
  expect(await writesOf('waiting')).toEqual([]);
  expect(await callsOf('waiting', position)).toEqual([]);
  const leases = await parts.client.list(resources.leases, { namespace: 'kube-system' });
  expect(leases.items.map(({ metadata }) => metadata.name)).toContain('konstellation');
});
