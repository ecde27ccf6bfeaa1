/** Plans for targets that are added, removed or refused, and for more targets than one trust policy holds. */
import { describe, expect, it } from 'vitest';
import { accountLabelValue } from '../desired/names.ts';
import { kinds, ready, roleOf, settled } from '../testing/settled-world.ts';
import { createWorld, edit, settle, facts } from '../testing/simulated-world.ts';

describe('targets', () => {
  it('removed from the spec are removed from the trust policy first and unlinked afterwards', () => {
    const world = settled();
    edit(world, { targets: ['production'] });
    settle(world);
    expect(kinds(world).slice(0, 2)).toEqual(
      ['UpdateTrustPolicy', 'DeleteServiceAccount'].slice(0, 1).concat(kinds(world)[1] ?? ''),
    );
    expect(kinds(world)).toEqual(
      expect.arrayContaining(['UpdateTrustPolicy', 'DeleteServiceAccount', 'ProveIdentity']),
    );
    expect(kinds(world).indexOf('UpdateTrustPolicy')).toBeLessThan(
      kinds(world).indexOf('DeleteServiceAccount'),
    );
    expect(world.namespaces.get('staging')?.serviceAccount).toBeUndefined();
  });

  it('that are unknown, missing or terminating affect only their own status entries', () => {
    const world = createWorld({ targets: ['production', 'staging', 'nowhere'] });
    world.namespaces.set('staging', { state: 'terminating', users: [] });
    settle(world);
    expect(world.account.status?.targets?.map((row) => [row.name, row.proven, row.reason])).toEqual([
      ['nowhere', false, 'TargetUnknown'],
      ['production', true, undefined],
      ['staging', false, 'NamespaceTerminating'],
    ]);
    expect(roleOf(world).trustPolicy).not.toContain(':staging:');
  });

  it.each(['kube-system', 'default', 'konstellation-system'])(
    'that are reserved (%s) affect only their own status entries and cause no step',
    (reserved) => {
      const targets = [reserved, 'production', 'staging'];
      const world = createWorld();
      world.facts = { ...facts, targets, operatorNamespace: 'konstellation-system' };
      world.namespaces.set(reserved, { state: 'present', users: [] });
      settle(world);
      const rows = world.account.status?.targets?.map((row) => [row.name, row.proven, row.reason]);
      expect(rows).toEqual([
        [reserved, false, 'TargetReserved'],
        ['production', true, undefined],
        ['staging', true, undefined],
      ]);
      expect(ready(world)).toBe('False TargetReserved');
      expect(roleOf(world).trustPolicy).not.toContain(`:${reserved}:`);
      expect(world.journal.filter(({ step }) => 'target' in step && step.target === reserved)).toEqual([]);
    },
  );

  it('that were linked before they were reserved keep their access, and nothing is written to their namespace', () => {
    const world = createWorld();
    world.facts = { ...facts, targets: ['platform', 'production'] };
    world.namespaces.set('platform', { state: 'present', users: [] });
    settle(world);
    const before = roleOf(world).trustPolicy;
    expect(before).toContain(':platform:');
    world.journal.length = 0;
    world.facts = { ...world.facts, operatorNamespace: 'platform' };
    settle(world);
    expect(ready(world)).toBe('False TargetReserved');
    expect(roleOf(world).trustPolicy).toBe(before);
    expect(world.journal).toEqual([]);
    expect(world.account.status?.targets?.find((row) => row.name === 'platform')).toMatchObject({
      linked: true,
      roleArn: roleOf(world).arn,
      reason: 'TargetReserved',
    });
  });

  it.each(['kube-system', 'default'])(
    'that are reserved (%s) are not linked, even if they contain a ServiceAccount with the label of the account',
    (reserved) => {
      const world = createWorld();
      const targets = [reserved, 'production', 'staging'];
      world.facts = { ...facts, targets };
      const serviceAccount = {
        uid: 'planted',
        resourceVersion: '1',
        created: false,
        account: accountLabelValue(world.account.metadata.name),
      };
      world.namespaces.set(reserved, { state: 'present', users: [], serviceAccount });
      settle(world);
      const row = world.account.status?.targets?.find(({ name }) => name === reserved);
      expect(row).toMatchObject({ linked: false, proven: false, reason: 'TargetReserved' });
      expect(roleOf(world).trustPolicy).not.toContain(`:${reserved}:`);
      expect(world.journal.filter(({ step }) => 'target' in step && step.target === reserved)).toEqual([]);
    },
  );

  it('of an account named default are not linked, and the status does not suggest handing the ServiceAccount over', () => {
    const world = createWorld({}, 'default');
    const serviceAccount = { uid: 'u', resourceVersion: '1', created: false };
    world.namespaces.set('staging', { state: 'present', users: [], serviceAccount });
    settle(world);
    const rows = world.account.status?.targets ?? [];
    expect(rows.map((row) => [row.name, row.linked, row.reason])).toEqual([
      ['production', false, 'AccountNameReserved'],
      ['staging', false, 'AccountNameReserved'],
    ]);
    expect(JSON.stringify(rows)).not.toContain('kubectl label');
    expect(world.namespaces.get('production')?.serviceAccount).toBeUndefined();
  });

  it('that do not fit into one trust policy get further roles, and targets that have a role keep that role', () => {
    const targets = Array.from({ length: 120 }, (_, i) => `target-${String(i).padStart(3, '0')}`);
    const world = createWorld();
    world.facts = { ...facts, targets };
    for (const target of targets) world.namespaces.set(target, { state: 'present', users: [] });
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(world.roles.size).toBeGreaterThan(2);
    for (const role of world.roles.values()) expect(role.trustPolicy.length).toBeLessThanOrEqual(2048);
    const before = new Map(world.account.status?.targets?.map((row) => [row.name, row.roleArn]));
    // Removes targets of the first role. Its trust policy then has room, but no target moves to it.
    world.facts = { ...facts, targets: targets.slice(5) };
    settle(world);
    for (const row of world.account.status?.targets ?? []) expect(row.roleArn).toBe(before.get(row.name));
  });
});
