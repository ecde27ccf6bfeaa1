/**
 * Guarantee G8 for five minutes (set `KON_SOAK_IDLE_MINUTES` for another duration): with accounts and apps in sync and
 * no edits, the API server's audit log shows no writes except renewals of the operator's Lease.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPerson, type Person } from '../support/person.ts';
import {
  auditEvents,
  isRenewal,
  isWriteOfOperator,
  startSandbox,
  type AuditEvent,
  type TestSandbox,
} from '../support/sandbox.ts';

const minutes = Number(process.env['KON_SOAK_IDLE_MINUTES'] ?? 5);
const names = ['idle-a', 'idle-b', 'idle-c'];

let sandbox: TestSandbox;
let person: Person;
beforeAll(async () => {
  sandbox = await startSandbox();
  person = createPerson(sandbox.client);
}, 300_000);
afterAll(() => sandbox?.stop());

async function writesOfOperator(): Promise<readonly AuditEvent[]> {
  const events = await auditEvents(join(sandbox.description.folder, 'logs/audit.log'));
  return events.filter(isWriteOfOperator);
}

test(
  `in ${minutes} idle minutes the operator writes only the renewals of one lease`,
  async () => {
    await Promise.all(names.map((name) => person.createAccount(name)));
    await Promise.all(names.map((name) => person.createApp(name, { serviceAccount: name })));
    await Promise.all(names.map((name) => person.untilReady(name)));
    await Promise.all(names.map((name) => person.untilAppReady(name)));
    // For about a minute, the setup causes further writes: pod counts in the status, and repeated Events. The
    // measurement starts after these writes.
    await delay(70_000);

    const before = (await writesOfOperator()).length;
    const position = await sandbox.aws.position();
    await delay(minutes * 60_000);
    const writes = (await writesOfOperator()).slice(before);
    const renewals = writes.filter(isRenewal).length;
    const calls = new Map<string, number>();
    for (const { service, action } of await sandbox.aws.journal(position))
      calls.set(`${service}:${action}`, (calls.get(`${service}:${action}`) ?? 0) + 1);
    process.stdout.write(
      `${renewals} renewals of the lease and ${writes.length - renewals} other writes in ${minutes} minutes; calls to AWS: ${[...calls].map(([name, times]) => `${name} ${times}`).join(', ')}\n`,
    );
    expect(writes.filter((event) => !isRenewal(event))).toEqual([]);
    // The lease is renewed every two seconds, the default of client-go.
    expect(renewals).toBeGreaterThan((minutes * 60) / 4);
    expect(renewals).toBeLessThanOrEqual((minutes * 60) / 2 + 2);
    expect([...calls.keys()].filter((name) => !/:(?:Get|List)/.test(name))).toEqual([]);
  },
  (minutes + 5) * 60_000,
);
