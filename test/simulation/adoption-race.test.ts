/** Two accounts that try to adopt the same existing role: one adopts it, and the other writes nothing to it. */
import { expect, it } from 'vitest';
import { linkedServiceAccounts, type LinkedServiceAccount } from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { taggedOwner } from '../../src/identity/index.ts';
import { create, foreignRole, put, readOnly, fullAccess } from './acts.ts';
import type { Fate } from './operator-process.ts';
import { startSimulation } from './simulation.ts';

const minute = 60_000;

const faultSchedules: readonly [string, readonly Fate[]][] = [
  ['without faults', []],
  ['responses arrive in another order than calls', [{ responseDelayMs: 3_000 }, { requestDelayMs: 1_000 }]],
  ['the first response is lost', [{ fault: 'answerLost' }]],
  ['the first call is not sent', [{ fault: 'unsent' }]],
];
it.each(faultSchedules)(
  'when two accounts adopt the same role at the same time (%s), one gets the role and the other writes nothing to the role',
  async (_what, fates) => {
    const left = [...fates];
    const simulation = await startSimulation({
      prepare: async (simulation) => put(foreignRole('theirs'))(simulation),
      faults: {
        fate: ({ what }) => (what === 'iam TagRole theirs' ? (left.shift() ?? {}) : {}),
      },
    });
    const { aws, server, time } = simulation;
    const changedBy: string[] = [];
    aws.onWrite(({ name, by }) => {
      if (name === 'theirs') changedBy.push(by);
    });
    await time.pass(minute);
    await create('a', { aws: { policyArns: [readOnly], roleName: 'theirs', adopt: true } })(simulation);
    await create('b', { aws: { policyArns: [fullAccess], roleName: 'theirs', adopt: true } })(simulation);
    await time.pass(10 * minute);
    const owner = taggedOwner(aws.roles.get('theirs')?.tags ?? {})?.account ?? '';
    expect(['a', 'b']).toContain(owner);
    expect(new Set(changedBy)).toEqual(new Set([owner]));
    for (const account of server.list(linkedServiceAccounts) as unknown as readonly LinkedServiceAccount[])
      expect(findCondition(account.status?.conditions, 'Ready')).toMatchObject(
        account.metadata.name === owner ? { status: 'True' } : { reason: 'RoleNotOwned' },
      );
  },
);
