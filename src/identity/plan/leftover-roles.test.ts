import { describe, expect, it } from 'vitest';
import { countLeftovers, leftoverRoles, rolesOfOtherIssuers } from './leftover-roles.ts';
import { adoptionTags, ownershipTags, retainedTag } from '../desired/ownership.ts';
import { trustPolicy } from '../desired/trust.ts';
import type { ObservedRole } from '../state/world.ts';

const here = 'arn:aws:eks:us-west-2:123456789012:cluster/main';
const there = 'arn:aws:eks:eu-west-1:123456789012:cluster/main';
const providerArn = 'arn:aws:iam::123456789012:oidc-provider/oidc.example';
const open = trustPolicy({
  providerArn,
  issuer: 'https://oidc.example',
  subjects: ['system:serviceaccount:production:kept'],
});
const role = (name: string, tags: Readonly<Record<string, string>>): ObservedRole => ({
  name,
  arn: `arn:aws:iam::123456789012:role/${name}`,
  id: name,
  path: '/',
  trustPolicy: open,
  attachedPolicyArns: [],
  inlinePolicyNames: [],
  tags,
});
const issuer = { issuer: 'https://oidc.example', providerArn };
const of = (clusterArn: string, account: string): Readonly<Record<string, string>> =>
  ownershipTags({ clusterArn, ...issuer, account, uid: 'u' });
const cluster = { clusterArn: here, ...issuer };

const roles = [
  role('lives', of(here, 'lives')),
  role('deleted', of(here, 'deleted')),
  role('elsewhere', of(there, 'deleted')),
  role('foreign', { 'k11n.dev/cluster': here, 'k11n.dev/account': 'deleted' }),
  role('bare', {}),
  role('adopted', adoptionTags({ clusterArn: here, ...issuer, account: 'deleted-too', uid: 'u' })),
  role('kept', { [retainedTag]: here, 'k11n.dev/account': 'kept' }),
  // This retained role has no owner: an account with the name of the role's former account owns the role only after
  // adopting it.
  role('kept-from-namesake', { [retainedTag]: here, 'k11n.dev/account': 'lives' }),
  role('kept-there', { [retainedTag]: there, 'k11n.dev/account': 'kept' }),
  role('adopted-again', { ...of(there, 'other'), [retainedTag]: here }),
];

describe('roles without an account', () => {
  it('are roles whose tags name this cluster and an account that does not exist, and roles that this cluster retained', () => {
    const found = leftoverRoles(roles, cluster, new Set(['lives']));
    expect(found.map(({ kind, name, adopted }) => [kind, name, adopted])).toEqual([
      ['orphan', 'deleted', false],
      ['orphan', 'adopted', true],
      ['retained', 'kept', false],
      ['retained', 'kept-from-namesake', false],
    ]);
  });

  it('are listed with the account that their tags name and the principals that their trust policies still admit', () => {
    const [found] = leftoverRoles([role('kept', roles[6]?.tags ?? {})], cluster, new Set());
    expect(found).toMatchObject({ account: 'kept', letsIn: ['production/kept'] });
  });

  it('do not include roles of another issuer, which may belong to a live cluster of the same name', () => {
    const theirs = {
      issuer: 'https://oidc.example/other',
      providerArn: 'arn:aws:iam::123456789012:oidc-provider/oidc.example/other',
    };
    const tags = ownershipTags({ clusterArn: here, ...theirs, account: 'deleted', uid: 'u' });
    const { 'k11n.dev/issuer': _, ...untagged } = tags;
    const trust = JSON.stringify({
      Statement: [{ Effect: 'Allow', Principal: { Federated: theirs.providerArn } }],
    });
    const retained = { [retainedTag]: here, 'k11n.dev/account': 'kept' };
    const found = [
      role('tagged', tags),
      { ...role('untagged', untagged), trustPolicy: trust },
      { ...role('retained', retained), trustPolicy: trust },
    ];
    expect(leftoverRoles(found, cluster, new Set())).toEqual([]);
    expect(countLeftovers(found, cluster, new Set())).toEqual({ orphan: 0, retained: 0 });
    expect(rolesOfOtherIssuers(found, cluster)).toEqual([
      'tagged (oidc.example/other)',
      'untagged (oidc.example/other)',
    ]);
    expect(leftoverRoles(found, { clusterArn: here, ...theirs }, new Set()).map(({ name }) => name)).toEqual([
      'tagged',
      'untagged',
      'retained',
    ]);
  });

  it('are counted separately as orphaned and as retained roles', () => {
    expect(countLeftovers(roles, cluster, new Set(['lives']))).toEqual({ orphan: 2, retained: 2 });
    expect(countLeftovers([], cluster, new Set())).toEqual({ orphan: 0, retained: 0 });
  });
});
