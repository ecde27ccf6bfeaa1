/** A user with write access to the status of accounts forges a proof, although STS refuses the token exchange. */
import { expect, it } from 'vitest';
import { linkedServiceAccounts, type LinkedServiceAccount } from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { renewUntilMs } from '../../src/identity/index.ts';
import { applyAccount, readOnly } from './acts.ts';
import { startSimulation, targets, type Simulation } from './simulation.ts';

const minute = 60_000;

const isExchange = (what: string): boolean => what.includes('AssumeRoleWithWebIdentity');

const accountIn = ({ server }: Simulation): LinkedServiceAccount =>
  server.get(linkedServiceAccounts, 'a') as unknown as LinkedServiceAccount;

const ready = (simulation: Simulation): string => {
  const condition = findCondition(accountIn(simulation).status?.conditions, 'Ready');
  return `${condition?.status} ${condition?.reason}`;
};

/**
 * Starts a simulation with an account that is Ready, and then makes STS refuse all token exchanges of this account.
 * `forge` writes the earlier status back.
 */
async function refused() {
  let isRefused = false;
  const simulation = await startSimulation({
    faults: { fate: ({ what }) => (isRefused && isExchange(what) ? { fault: 'denied' } : {}) },
  });
  const { time, server } = simulation;
  await applyAccount('a', { aws: { policyArns: [readOnly] } })(simulation);
  expect(await time.pass(minute, () => ready(simulation) === 'True Ready')).toBe(true);
  const { status } = accountIn(simulation);
  isRefused = true;
  // The operator repeats the proofs at the proof interval.
  expect(await time.pass(20 * minute, () => ready(simulation) === 'False AssumeRoleDenied')).toBe(true);
  const forge = (): Promise<unknown> =>
    server.client.updateStatus(linkedServiceAccounts, { ...accountIn(simulation), status });
  return { simulation, forge };
}

it('a forged status is overwritten by the running operator', async () => {
  const { simulation, forge } = await refused();
  await forge();
  expect(ready(simulation)).toBe('True Ready');
  expect(await simulation.time.pass(5_000, () => ready(simulation) === 'False AssumeRoleDenied')).toBe(true);
});

it('a forged status is overwritten at most ten minutes after a restart', async () => {
  const { simulation, forge } = await refused();
  const { time } = simulation;
  simulation.restart();
  await forge();
  const startedAt = time.now();
  expect(await time.pass(20 * minute, () => ready(simulation) === 'False AssumeRoleDenied')).toBe(true);
  // The additional ten seconds are for the restart of the process and for one token exchange.
  expect(time.now() - startedAt).toBeLessThanOrEqual(renewUntilMs + 10_000);
  await time.pass(20 * minute);
  expect(ready(simulation)).toBe('False AssumeRoleDenied');
});

it('a restarted operator requests no proof from STS in its first minute, and each proof once in its first ten minutes', async () => {
  const simulation = await startSimulation();
  const { time, reads, effects } = simulation;
  await applyAccount('a', { aws: { policyArns: [readOnly] } })(simulation);
  expect(await time.pass(minute, () => ready(simulation) === 'True Ready')).toBe(true);
  await time.pass(5_000);
  simulation.restart();
  const [asked, written] = [reads.length, effects.length];
  const exchanges = (): number => reads.slice(asked).filter(({ what }) => isExchange(what)).length;
  await time.pass(minute);
  expect(exchanges()).toBe(0);
  await time.pass(renewUntilMs - minute + 5_000);
  expect(exchanges()).toBe(targets.length);
  expect(effects.slice(written)).toEqual([]);
});
