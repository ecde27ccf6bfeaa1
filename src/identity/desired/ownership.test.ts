/** Plans for roles and ServiceAccounts that Konstellation does not own, or did not own before. */
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import { arn, kinds, name, ready, roleOf, settled } from '../testing/settled-world.ts';
import {
  createWorld,
  edit,
  facts,
  fullAccess,
  readOnly,
  requestDeletion,
  settle,
  resync,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import { withTags } from './tags.ts';
import { subjectOf } from './trust.ts';
import type { ObservedRole } from '../state/world.ts';

describe('with objects that are not ours', () => {
  it('a role that has our name remains unchanged, and no ServiceAccount is annotated with the role', () => {
    const world = createWorld();
    const foreign = { ...roleOf(settled()), tags: { team: 'other' } };
    world.roles.set(name, foreign);
    settle(world);
    expect(ready(world)).toBe('False RoleNotOwned');
    expect(findCondition(world.account.status?.conditions, 'Ready')?.message).toMatch(
      new RegExp(`Delete the role if it is not needed; or .* roleName: ${name} and adopt: true`),
    );
    expect(world.roles.get(name)).toEqual(foreign);
    expect(world.namespaces.get('production')?.serviceAccount).toBeUndefined();
  });

  it('a role that has our name but belongs to another cluster remains unchanged, even when the account is deleted', () => {
    const world = createWorld();
    const foreign = { ...roleOf(settled()) };
    world.roles.set(name, {
      ...foreign,
      tags: { ...foreign.tags, 'k11n.dev/cluster': 'arn:aws:eks:eu-west-1:123456789012:cluster/main' },
    });
    settle(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.has(name)).toBe(true);
    expect(kinds(world)).not.toContain('DeleteRole');
  });

  it('a ServiceAccount without our label blocks only its own target', () => {
    const world = createWorld();
    const foreign = { uid: 'x', resourceVersion: '1', created: false };
    world.namespaces.set('production', { state: 'present', users: [], serviceAccount: foreign });
    settle(world);
    expect(world.namespaces.get('production')?.serviceAccount).toEqual(foreign);
    const rows = world.account.status?.targets;
    expect(rows?.find((row) => row.name === 'production')).toMatchObject({
      linked: false,
      reason: 'ServiceAccountNotOwned',
    });
    expect(rows?.find((row) => row.name === 'staging')).toMatchObject({ linked: true, proven: true });
    expect(roleOf(world).trustPolicy).not.toContain(subjectOf('production', 'myaccount'));
  });

  it('a role annotation that others set remains unchanged', () => {
    const world = settled();
    const namespace = world.namespaces.get('production');
    if (!namespace?.serviceAccount) throw new Error('not linked');
    namespace.serviceAccount = {
      ...namespace.serviceAccount,
      roleArn: 'arn:aws:iam::1:role/x',
      roleArnManager: 'kubectl-annotate',
    };
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(world.account.status?.targets?.[0]).toMatchObject({
      name: 'production',
      linked: false,
      reason: 'ForeignAnnotation',
    });
  });

  it('an existing ServiceAccount that a user labelled is linked, and is unlinked but not deleted when the account is deleted', () => {
    const world = createWorld();
    world.namespaces.set('production', {
      state: 'present',
      users: [],
      serviceAccount: { uid: 'x', resourceVersion: '1', created: false, account: 'myaccount' },
    });
    settle(world);
    expect(world.namespaces.get('production')?.serviceAccount?.roleArn).toBe(arn);
    requestDeletion(world);
    settle(world);
    expect(world.namespaces.get('production')?.serviceAccount).toEqual({
      uid: 'x',
      resourceVersion: '1',
      created: false,
    });
  });

  it('an annotation with a foreign role remains after the deletion of the account', () => {
    const world = createWorld();
    const theirs = {
      uid: 'x',
      resourceVersion: '1',
      created: false,
      roleArn: 'arn:aws:iam::1:role/x',
      roleArnManager: 'kubectl-annotate',
    };
    const serviceAccount = { ...theirs, account: 'myaccount' };
    world.namespaces.set('production', { state: 'present', users: [], serviceAccount });
    settle(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.namespaces.get('production')?.serviceAccount).toEqual(theirs);
  });
});

describe('tags that differ from ours only in upper or lower case', () => {
  // World whose account has tags that only an earlier version accepted.
  const withTag = (tags: Readonly<Record<string, string>>): SimulatedWorld =>
    createWorld({ aws: { policyArns: [readOnly], tags } });
  const overwritten = (world: SimulatedWorld, key: string, value: string): void => {
    const role = roleOf(world);
    world.roles.set(name, { ...role, tags: withTags(role.tags, { [key]: value }) });
    resync(world);
  };

  it.each([
    'K11N.dev/account',
    'k11n.DEV/uid',
    'K11n.Dev/Managed-By',
    'KUBERNETES-namespace',
    'Eks-Cluster-Name',
  ])('are ignored and reported in the status: %s', (key) => {
    const world = withTag({ [key]: 'other', team: 'a' });
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(roleOf(world).tags).toEqual({ ...roleOf(settled()).tags, team: 'a' });
    for (const type of ['Ready', 'RoleSynced'])
      expect(findCondition(world.account.status?.conditions, type)?.message).toMatch(
        new RegExp(`are ignored, because their keys are reserved .*: ${key}$`),
      );
  });

  it('are ignored for every role if they come from the ClusterConfig', () => {
    const world = createWorld();
    world.facts = { ...facts, tags: { 'K11N.dev/account': 'x', 'AWS:x': 'y', team: 'a' } };
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(roleOf(world).tags).toEqual({ ...roleOf(settled()).tags, team: 'a' });
  });

  it('count as one tag: the account takes precedence over the ClusterConfig, and IAM never receives both', () => {
    const world = withTag({ Team: 'a', TEAM: 'b' });
    world.facts = { ...facts, tags: { team: 'c', Stage: 'x' } };
    settle(world);
    expect(roleOf(world).tags).toEqual({ ...roleOf(settled()).tags, Team: 'a', Stage: 'x' });
    const other = { ...roleOf(world), tags: withTags(roleOf(world).tags, { tEAM: 'a' }) };
    world.roles.set(name, other);
    resync(world);
    world.journal.length = 0;
    settle(world);
    expect(kinds(world)).toEqual([]);
  });

  it.each([
    ['account', 'K11N.dev/account'],
    ['uid', 'K11N.dev/uid'],
  ])('are corrected if they replaced our %s tag, and the account keeps its role', (_which, key) => {
    const world = settled();
    const { tags, id } = roleOf(world);
    overwritten(world, key, 'other');
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(roleOf(world)).toMatchObject({ id, tags });
    edit(world, { aws: { policyArns: [] } });
    settle(world);
    expect(roleOf(world).attachedPolicyArns).toEqual([]);
  });

  it('do not give control over the role to the account that they name', () => {
    const world = createWorld({}, 'other');
    world.account = { ...world.account, metadata: { ...world.account.metadata, uid: 'uid-2' } };
    const role = roleOf(settled());
    const theirs = { ...role, tags: withTags(role.tags, { 'K11N.dev/account': 'other' }) };
    world.roles.set(name, theirs);
    resync(world);
    settle(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.get(name)).toEqual(theirs);
  });

  it("can replace an ownership tag of a role, and the account's status then reports that edits no longer change the role", () => {
    const world = settled();
    overwritten(world, 'K11N.dev/cluster', 'x');
    edit(world, { aws: { policyArns: [] } });
    settle(world);
    expect(ready(world)).toBe('False RoleNotOwned');
    expect(findCondition(world.account.status?.conditions, 'Ready')?.message).toContain(
      `The operator does not change the role, which keeps its policies: ${readOnly}. Edits and the deletion of this account therefore revoke nothing.`,
    );
  });
});

describe('a role named in roleName', () => {
  const theirs: ObservedRole = {
    name: 'made-by-eksctl',
    arn: 'arn:aws:iam::123456789012:role/made-by-eksctl',
    id: 'AROATHEIRS',
    path: '/',
    trustPolicy: '{"Version":"2012-10-17","Statement":[]}',
    attachedPolicyArns: [fullAccess],
    inlinePolicyNames: [],
    permissionsBoundaryArn: readOnly,
    maxSessionDuration: 7200,
    tags: { team: 'payments' },
  };
  const named = (adopt: boolean): SimulatedWorld =>
    createWorld({ aws: { policyArns: [readOnly], roleName: theirs.name, ...(adopt ? { adopt } : {}) } });

  it('is created with that name if it does not exist', () => {
    const world = named(false);
    settle(world);
    expect([...world.roles.keys()]).toEqual([theirs.name]);
    expect(ready(world)).toBe('True Ready');
  });

  it('remains unchanged if `adopt` is not set, and the changes that adoption would make are reported', () => {
    const world = named(false);
    world.roles.set(theirs.name, theirs);
    settle(world);
    expect(world.roles.get(theirs.name)).toEqual(theirs);
    expect(ready(world)).toBe('False RoleNotOwned');
    const message = findCondition(world.account.status?.conditions, 'Ready')?.message;
    expect(message).toContain(`replace the trust policy, attach ${readOnly}, detach ${fullAccess}`);
  });

  it('remains unchanged if `adopt` is not set, and the status lists what an adoption would change', () => {
    const world = createWorld({
      aws: {
        policyArns: [fullAccess],
        roleName: theirs.name,
        permissionsBoundaryArn: fullAccess,
        maxSessionDuration: 3600,
        tags: { team: 'x' },
      },
    });
    world.facts = { ...facts, strictInline: true };
    const role = { ...theirs, inlinePolicyNames: ['by-hand'] };
    world.roles.set(theirs.name, role);
    settle(world);
    expect(world.roles.get(theirs.name)).toEqual(role);
    const reported = findCondition(world.account.status?.conditions, 'Ready')?.message;
    const changes = `replace the trust policy, set the permissions boundary to ${fullAccess}, set the maximum session duration to 3600 seconds, set the tags team, remove the inline policy by-hand`;
    expect(reported).toContain(`The adoption would ${changes}.`);
    // The adoption makes exactly the changes that were reported.
    edit(world, { aws: { ...world.account.spec.aws, adopt: true } });
    world.journal.length = 0;
    settle(world);
    expect(world.roles.get(theirs.name)).toMatchObject({
      attachedPolicyArns: [fullAccess],
      inlinePolicyNames: [],
      permissionsBoundaryArn: fullAccess,
      maxSessionDuration: 3600,
    });
    expect(ready(world)).toBe('True Ready');
  });

  it('is adopted without being replaced, and keeps settings that the account does not state', () => {
    const world = named(true);
    world.roles.set(theirs.name, theirs);
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(kinds(world)).not.toContain('CreateRole');
    expect(world.roles.get(theirs.name)).toMatchObject({
      id: theirs.id,
      arn: theirs.arn,
      attachedPolicyArns: [readOnly],
      permissionsBoundaryArn: readOnly,
      maxSessionDuration: 7200,
      tags: { team: 'payments', 'k11n.dev/adopted': 'true' },
    });
    expect(world.namespaces.get('production')?.serviceAccount?.roleArn).toBe(theirs.arn);
  });

  it('that was adopted and lost its adoption tag is tagged again, and is released when the account is deleted', () => {
    const world = named(true);
    world.roles.set(theirs.name, theirs);
    settle(world);
    const { 'k11n.dev/adopted': _, ...tags } = world.roles.get(theirs.name)?.tags ?? {};
    world.roles.set(theirs.name, { ...theirs, ...world.roles.get(theirs.name), tags });
    resync(world);
    settle(world);
    expect(world.roles.get(theirs.name)).toMatchObject({
      permissionsBoundaryArn: readOnly,
      maxSessionDuration: 7200,
      tags: { team: 'payments', 'k11n.dev/adopted': 'true' },
    });
    world.roles.set(theirs.name, { ...theirs, ...world.roles.get(theirs.name), tags });
    resync(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.get(theirs.name)).toMatchObject({ id: theirs.id, tags: { team: 'payments' } });
  });

  it('is kept when the account is deleted, and our tags are removed from the role', () => {
    const world = named(true);
    world.roles.set(theirs.name, theirs);
    settle(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.get(theirs.name)).toMatchObject({ id: theirs.id, tags: { team: 'payments' } });
    expect(world.namespaces.get('production')?.serviceAccount).toBeUndefined();
  });

  const retained = {
    ...theirs,
    tags: { team: 'payments', 'k11n.dev/retained': facts.clusterArn, 'k11n.dev/account': 'earlier' },
  };

  it('that was retained is adopted like any other, and is no longer tagged as retained', () => {
    const world = named(true);
    world.roles.set(theirs.name, retained);
    settle(world);
    expect(ready(world)).toBe('True Ready');
    const { tags } = world.roles.get(theirs.name) ?? theirs;
    expect(tags).toMatchObject({ team: 'payments', 'k11n.dev/account': 'myaccount' });
    expect(tags).not.toHaveProperty('k11n.dev/retained');
    const untagging = world.journal.flatMap(({ step }) => (step.kind === 'UntagRole' ? step.keys : []));
    expect(untagging).toEqual(['k11n.dev/retained']);
  });

  it('that was retained remains unchanged if `adopt` is not set, even for an account of the same name', () => {
    const world = createWorld();
    const ofName = { ...roleOf(settled()), tags: { ...retained.tags, 'k11n.dev/account': 'myaccount' } };
    world.roles.set(name, ofName);
    settle(world);
    expect(ready(world)).toBe('False RoleNotOwned');
    requestDeletion(world);
    settle(world);
    expect(world.roles.get(name)).toEqual(ofName);
  });

  const providerTrust = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: facts.providerArn },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringLike: { 'host:sub': ['system:serviceaccount:production:*', subjectOf('ci', 'runner')] },
        },
      },
    ],
  });
  const holding = (namespace: string, serviceAccount: string) => ({
    namespace,
    serviceAccount,
    pod: `${serviceAccount}-1`,
  });

  it('is not adopted while running pods would lose their access, and the status names these pods', () => {
    const world = named(true);
    const used = { ...theirs, trustPolicy: providerTrust };
    world.roles.set(theirs.name, used);
    world.holders = [
      holding('production', 'legacy'),
      holding('ci', 'runner'),
      holding('production', 'myaccount'),
    ];
    settle(world);
    expect(ready(world)).toBe('False AdoptionBlocked');
    const message = findCondition(world.account.status?.conditions, 'Ready')?.message;
    expect(message).toContain(
      'production/legacy-1 (ServiceAccount legacy), ci/runner-1 (ServiceAccount runner)',
    );
    expect(message).not.toContain('production/myaccount-1');
    expect(world.roles.get(theirs.name)).toEqual(used);
    world.holders = [holding('production', 'myaccount')];
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(world.roles.get(theirs.name)?.tags).toMatchObject({ 'k11n.dev/account': 'myaccount' });
  });

  it("is not adopted while pods use a ServiceAccount that has the account's name and is not yet handed over to Konstellation", () => {
    const world = named(true);
    world.roles.set(theirs.name, { ...theirs, trustPolicy: providerTrust });
    const production = world.namespaces.get('production');
    const serviceAccount = { uid: 'u', resourceVersion: '1', created: false, roleArn: theirs.arn };
    if (production) production.serviceAccount = serviceAccount;
    world.holders = [holding('production', 'myaccount')];
    settle(world);
    expect(ready(world)).toBe('False AdoptionBlocked');
    expect(findCondition(world.account.status?.conditions, 'Ready')?.message).toContain(
      'kubectl label serviceaccount -n production myaccount k11n.dev/account=myaccount',
    );
    if (production) production.serviceAccount = { ...serviceAccount, account: 'myaccount' };
    settle(world);
    expect(world.roles.get(theirs.name)?.trustPolicy).toContain(subjectOf('production', 'myaccount'));
    expect(ready(world)).toBe('True Ready');
  });

  it('is adopted despite pods that name it but are not trusted, because anyone could create such pods', () => {
    const world = named(true);
    world.roles.set(theirs.name, theirs);
    world.holders = [holding('elsewhere', 'other')];
    settle(world);
    expect(ready(world)).toBe('True Ready');
  });

  it('that the account already owns gets its trust policy restored, even while pods hold the role through principals that others added', () => {
    const world = named(true);
    world.roles.set(theirs.name, theirs);
    settle(world);
    const { trustPolicy } = world.roles.get(theirs.name) ?? theirs;
    world.roles.set(theirs.name, { ...theirs, ...world.roles.get(theirs.name), trustPolicy: providerTrust });
    world.holders = [holding('ci', 'runner')];
    resync(world);
    settle(world);
    expect(world.roles.get(theirs.name)?.trustPolicy).toBe(trustPolicy);
  });

  it('is not adopted if AWS denies the adoption, and the status names the missing consent', () => {
    const world = named(true);
    world.roles.set(theirs.name, theirs);
    world.failures.set(`TagRole ${theirs.name}`, {
      code: 'AccessDenied',
      message: 'iam:TagRole is denied',
      at: world.now,
      attempts: 1,
      retryAt: world.now + 3_600_000,
    });
    world.cachedRoles.set(theirs.name, { role: theirs, source: 'read' });
    settle(world);
    expect(ready(world)).toBe('False AdoptionRefused');
    expect(findCondition(world.account.status?.conditions, 'Ready')?.message).toBe(
      `iam:TagRole is denied. Consent to the adoption: aws iam tag-role --role-name ${theirs.name} --tags Key=k11n.dev/cluster,Value=${facts.clusterArn}`,
    );
  });

  it('is never adopted if it belongs to another account or cluster of Konstellation', () => {
    const world = named(true);
    const held = {
      ...theirs,
      tags: { 'k11n.dev/managed-by': 'konstellation', 'k11n.dev/cluster': 'another' },
    };
    world.roles.set(theirs.name, held);
    settle(world);
    expect(world.roles.get(theirs.name)).toEqual(held);
    expect(ready(world)).toBe('False RoleNotOwned');
  });

  it('is not created if adopt is set and the role does not exist', () => {
    const world = named(true);
    settle(world);
    expect(world.roles.size).toBe(0);
    expect(ready(world)).toBe('False RoleNotFound');
  });
});
