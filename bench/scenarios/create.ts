/** Measures the calls and writes for one account, from its creation until its identity is verified. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Aws } from '../aws.ts';
import type { Scenario } from '../scenario.ts';
import { isReady, policies, startWorld, untilSynced } from '../world.ts';

const accounts = 20;

export const create: Scenario = {
  name: 'one account',
  summary: `calls to AWS and writes to the API server for an account of ${policies.length} policies and 2 targets, of ${accounts} made one after the other`,
  async run({ kon, note }) {
    const world = await startWorld(kon, { audit: true });
    try {
      const operator = await world.startOperator();
      await untilSynced(operator);
      const since = await untilQuiet(world.aws);
      await world.writes();
      for (let index = 0; index < accounts; index += 1) {
        await world.createAccounts(1, `one-${index}`);
        await world.untilAccounts(index + 1, isReady);
      }
      const calls = (await world.aws.journal(since)).map(({ service, action }) => `${service}:${action}`);
      const changing = calls.filter((call) => call !== 'sts:AssumeRoleWithWebIdentity');
      note(`calls to AWS: ${[...tally(calls)].map(([call, times]) => `${call} ${times}`).join(', ')}`);
      // Stops the operator before counting its writes, because the operator writes Events one by one after its other
      // work.
      await operator.stop();
      const writes = await world.writes();
      note(`writes to the API server: ${[...writes].map(([what, times]) => `${what} ${times}`).join(', ')}`);
      const beside = [...writes]
        .filter(([what]) => !what.includes('serviceaccounts') || what.includes('linkedserviceaccounts'))
        .map(([what, times]) => ({ what, times }));
      return [
        {
          name: 'one account: calls to IAM',
          value: changing.length / accounts,
          unit: 'calls',
          bound: 1 + policies.length,
          peer: 21,
        },
        {
          name: 'one account: proofs by STS',
          value: (calls.length - changing.length) / accounts,
          unit: 'calls',
          bound: 2,
        },
        {
          name: 'one account: writes to the API server beside ServiceAccounts, its Event among them',
          value: beside.reduce((sum, { times }) => sum + times, 0) / accounts,
          unit: 'writes',
          bound: 3,
        },
      ];
    } finally {
      await world.stop();
    }
  },
};

/**
 * Waits until the operator has finished its startup calls, which belong to no account. The operator might check the
 * cluster after it has listed the roles.
 */
async function untilQuiet(aws: Aws): Promise<number> {
  for (let last = -1; ;) {
    const position = await aws.position();
    if (position === last) return position;
    last = position;
    await delay(1_000);
  }
}

function tally(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
