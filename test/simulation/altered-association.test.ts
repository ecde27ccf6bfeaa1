/**
 * Repair of associations in which a setting was changed out of band. Konstellation does not use this setting, but the
 * setting changes the credentials of pods.
 */
import { describe, expect, it } from 'vitest';
import { linkedServiceAccounts, type LinkedServiceAccount } from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { create, deploy } from './acts.ts';
import { driftIntervalMs, startSimulation, targets, type Simulation } from './simulation.ts';

function ready({ server }: Simulation): string {
  const account = server.get(linkedServiceAccounts, 'a') as unknown as LinkedServiceAccount;
  const condition = findCondition(account.status?.conditions, 'Ready');
  return `${condition?.status} ${condition?.reason}`;
}

/** Starts a simulation with the account `a` in Pod Identity mode, proven by pods in both targets. */
async function proven(): Promise<Simulation> {
  const simulation = await startSimulation();
  await create('a', { aws: { identityMode: 'PodIdentity' } })(simulation);
  await deploy('app', {
    serviceAccount: 'a',
    targets: targets.map((name) => ({ name, deployMode: 'latest' })),
  })(simulation);
  expect(await simulation.time.pass(120_000, () => ready(simulation) === 'True Ready')).toBe(true);
  await simulation.time.pass(30_000);
  return simulation;
}

describe('an association that others changed is', () => {
  it.each([
    ['corrected', 'a target role', { targetRoleArn: 'arn:aws:iam::999999999999:role/theirs' }, false],
    ['corrected', 'a policy without session tags', { policy: '{}', disableSessionTags: true }, false],
    [
      'replaced',
      'a target role that an update does not remove',
      { targetRoleArn: 'arn:aws:iam::999999999999:role/theirs' },
      true,
    ],
  ] as const)('%s if the change is %s', async (_, __, setting, keepsSettings) => {
    const simulation = await proven();
    const { time, aws, effects } = simulation;
    aws.eks.keepsSettings = keepsSettings;
    const before = aws.eks.associationOf('production', 'a');
    aws.eks.change(before?.id ?? '', setting);
    const written = effects.length;
    const isRepaired = (): boolean => {
      const now = aws.eks.associationOf('production', 'a');
      const { targetRoleArn, policy, disableSessionTags } = now ?? { disableSessionTags: true };
      return targetRoleArn === undefined && policy === undefined && !disableSessionTags;
    };
    // Each drift pass reads one of the two associations, alternately.
    expect(await time.pass(2 * driftIntervalMs + 5_000, isRepaired)).toBe(true);
    expect(await time.pass(30_000, () => ready(simulation) === 'True Ready')).toBe(true);
    const now = aws.eks.associationOf('production', 'a');
    expect(now?.roleArn).toBe(before?.roleArn);
    expect(now?.id === before?.id).toBe(!keepsSettings);
    // The other association, the roles and the pods remain unchanged.
    const writes = effects.slice(written).map(({ what }) => what.split(' ').slice(0, 2).join(' '));
    expect(writes.filter((what) => what.startsWith('eks ') || what.startsWith('iam '))).toEqual(
      keepsSettings
        ? [
            'eks UpdatePodIdentityAssociation',
            'eks DeletePodIdentityAssociation',
            'eks CreatePodIdentityAssociation',
          ]
        : ['eks UpdatePodIdentityAssociation'],
    );
  });
});
