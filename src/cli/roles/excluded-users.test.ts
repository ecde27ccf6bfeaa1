import { describe, expect, it } from 'vitest';
import { facts, readOnly } from '../../identity/testing/simulated-world.ts';
import type { ObservedRole } from '../../identity/state/world.ts';
import { excludedBy, usersByServiceAccount, type RoleUse, type Subject } from './excluded-users.ts';

const web = (providerArn: string, ...subjects: string[]): object => ({
  Effect: 'Allow',
  Principal: { Federated: providerArn },
  Action: 'sts:AssumeRoleWithWebIdentity',
  Condition: { StringLike: { 'host:sub': subjects } },
});
const roleTrusting = (...statements: object[]): ObservedRole => ({
  name: 'legacy-irsa',
  arn: 'arn:aws:iam::123456789012:role/legacy-irsa',
  id: 'AROAEXAMPLE',
  path: '/',
  trustPolicy: JSON.stringify({ Version: '2012-10-17', Statement: statements }),
  attachedPolicyArns: [readOnly],
  inlinePolicyNames: [],
  tags: {},
});
const legacy = web(facts.providerArn, 'system:serviceaccount:production:legacy');
const pod = (namespace: string, serviceAccount: string, name = `${serviceAccount}-1`) => ({
  namespace,
  serviceAccount,
  pod: name,
});
const uses = (users: RoleUse['users'], ...unseen: string[]): RoleUse => ({ users, unseen });
const nobody = (): boolean => false;
const onlyLegacy = ({ namespace, serviceAccount }: Subject): boolean =>
  namespace === 'production' && serviceAccount === 'legacy';

describe('an import', () => {
  it('excludes no user that the account admits', () => {
    const use = uses(usersByServiceAccount([pod('production', 'legacy')], []));
    expect(excludedBy(roleTrusting(legacy), facts, use, onlyLegacy)).toEqual({
      inUse: [],
      inUseBy: [],
      others: [],
    });
  });

  it('lists the running pods of a ServiceAccount that the account does not include', () => {
    const holders = [pod('production', 'legacy', 'legacy-a'), pod('production', 'legacy', 'legacy-b')];
    const use = uses(usersByServiceAccount(holders, [{ namespace: 'production', serviceAccount: 'legacy' }]));
    expect(excludedBy(roleTrusting(legacy), facts, use, nobody)).toMatchObject({
      inUse: ['production/legacy: the running pods legacy-a, legacy-b'],
      others: [],
    });
  });

  it('uses the pods that hold the role to find ServiceAccounts that a pattern in the trust policy admits', () => {
    const pattern = web(facts.providerArn, 'system:serviceaccount:*:*');
    const use = uses(usersByServiceAccount([pod('production', 'legacy'), pod('ci', 'runner')], []));
    expect(excludedBy(roleTrusting(pattern), facts, use, onlyLegacy)).toMatchObject({
      inUse: ['ci/runner: the running pod runner-1'],
      others: ['system:serviceaccount:*:*'],
    });
  });

  it('lists a ServiceAccount that has the role but no running pod, and does not count the ServiceAccount as in use', () => {
    const cron = web(facts.providerArn, 'system:serviceaccount:batch:cron');
    const use = uses(usersByServiceAccount([], [{ namespace: 'batch', serviceAccount: 'cron' }]));
    expect(excludedBy(roleTrusting(legacy, cron), facts, use, onlyLegacy)).toMatchObject({
      inUse: [],
      others: ['batch/cron, which has the role, although no pod uses this ServiceAccount'],
    });
  });

  it("ignores pods that name the role but are not admitted by the role's trust policy", () => {
    const use = uses(usersByServiceAccount([pod('elsewhere', 'other')], []));
    expect(excludedBy(roleTrusting(legacy), facts, use, onlyLegacy)).toMatchObject({ inUse: [], others: [] });
  });

  it('treats every ServiceAccount that would lose the role as used by pods if pods cannot be listed', () => {
    const unseen = uses([], 'pods of all namespaces cannot be listed');
    expect(excludedBy(roleTrusting(legacy), facts, unseen, nobody).inUse).toEqual([
      'pods of all namespaces cannot be listed; therefore every principal with access counts as a user of the role',
    ]);
    expect(excludedBy(roleTrusting(legacy), facts, unseen, onlyLegacy).inUse).toEqual([]);
  });

  it('counts the ServiceAccounts of another cluster as users of the role, and lists other principals separately', () => {
    const other = 'arn:aws:iam::123456789012:oidc-provider/other';
    const account = { Effect: 'Allow', Principal: { AWS: '123456789012' }, Action: 'sts:AssumeRole' };
    const trusting = roleTrusting(legacy, web(other, 'system:serviceaccount:production:legacy'), account);
    expect(excludedBy(trusting, facts, uses([]), onlyLegacy)).toMatchObject({
      inUse: [`production/legacy of ${other}: a principal of another cluster, whose pods kon cannot list`],
      others: ['principal {"AWS":"123456789012"}'],
    });
  });

  it('finds pods that get the role by an EKS Pod Identity association', () => {
    const service = { Effect: 'Allow', Principal: { Service: 'pods.eks.amazonaws.com' } };
    const user = { namespace: 'production', serviceAccount: 'legacy', pods: ['a'], byAssociation: true };
    expect(excludedBy(roleTrusting(service), facts, uses([user]), onlyLegacy).inUse).toEqual([
      'production/legacy (by EKS Pod Identity): the running pod a',
    ]);
    expect(excludedBy(roleTrusting(legacy), facts, uses([user]), onlyLegacy).inUse).toEqual([]);
  });
});
