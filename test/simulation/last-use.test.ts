/** Last use of roles: how it gets from IAM into statuses, and which writes this causes. */
import { describe, expect, it } from 'vitest';
import { linkedServiceAccounts, type LastUsed, type LinkedServiceAccount } from '../../src/api/index.ts';
import { taggedOwner } from '../../src/identity/index.ts';
import { create } from './acts.ts';
import type { Fault } from './operator-process.ts';
import { driftIntervalMs, startSimulation, type Simulation } from './simulation.ts';

const minute = 60_000;
const day = 86_400_000;

/** Starts a simulation with the accounts `a` and `b` in sync. */
async function twoAccounts(faultOf: (what: string) => Fault | undefined): Promise<Simulation> {
  const simulation = await startSimulation({ faults: { fate: ({ what }) => ({ fault: faultOf(what) }) } });
  await create('a')(simulation);
  await create('b')(simulation);
  expect(await simulation.time.pass(5 * minute, () => simulation.aws.roles.size === 2)).toBe(true);
  await simulation.time.pass(10 * minute);
  return simulation;
}

const useRole = ({ aws }: Simulation, account: string, time: number): void => {
  for (const { name, tags } of aws.roles.values())
    if (taggedOwner(tags)?.account === account) aws.recordUse(name, time);
};

const lastUsed = ({ server }: Simulation, account: string): LastUsed | undefined =>
  (server.get(linkedServiceAccounts, account) as unknown as LinkedServiceAccount).status?.lastUsed;

/** Returns the operator's writes during several drift passes. */
async function writesDuringPasses(simulation: Simulation): Promise<readonly string[]> {
  const before = simulation.writes.length;
  await simulation.time.pass(5 * driftIntervalMs);
  return simulation.writes.slice(before).map(({ what }) => what);
}

describe.each<[string, (what: string) => Fault | undefined]>([
  ['from a listing', () => undefined],
  [
    'from single roles while listings are denied',
    (what) => (what.startsWith('iam GetAccountAuthorizationDetails') ? 'denied' : undefined),
  ],
])('the last use of a role (read %s)', (_, faultOf) => {
  it('is written to the status at most once per day, and only for the account whose role was used', async () => {
    const simulation = await twoAccounts(faultOf);
    const { time } = simulation;
    const trackedSince = '2026-01-01';
    expect(lastUsed(simulation, 'a')).toEqual({ trackedSince });
    expect(await writesDuringPasses(simulation)).toEqual([]);

    useRole(simulation, 'a', time.now());
    expect(await writesDuringPasses(simulation)).toEqual(['kube apply linkedserviceaccounts a status']);
    expect(lastUsed(simulation, 'a')).toEqual({ date: '2026-01-01', trackedSince });
    expect(lastUsed(simulation, 'b')).toEqual({ trackedSince });

    useRole(simulation, 'a', time.now());
    expect(await writesDuringPasses(simulation)).toEqual([]);

    useRole(simulation, 'a', time.now() + day);
    expect(await writesDuringPasses(simulation)).toEqual(['kube apply linkedserviceaccounts a status']);
    expect(lastUsed(simulation, 'a')).toEqual({ date: '2026-01-02', trackedSince });
  });

  it('stays in the status after a restart of the operator, without a status write', async () => {
    const simulation = await twoAccounts(faultOf);
    useRole(simulation, 'a', simulation.time.now());
    await writesDuringPasses(simulation);
    simulation.restart();
    const writes = await writesDuringPasses(simulation);
    expect(writes.filter((what) => what.includes('status'))).toEqual([]);
    expect(lastUsed(simulation, 'a')?.date).toBe('2026-01-01');
  });
});
