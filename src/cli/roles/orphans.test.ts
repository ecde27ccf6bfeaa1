import { expect, it } from 'vitest';
import { adoptionTags, ownershipTags } from '../../identity/ownership.ts';
import type { ObservedRole } from '../../identity/world.ts';
import { orphansOf } from './orphans.ts';

const here = 'arn:aws:eks:us-west-2:123456789012:cluster/main';
const there = 'arn:aws:eks:eu-west-1:123456789012:cluster/main';
const role = (name: string, tags: Readonly<Record<string, string>>): ObservedRole => ({
  name,
  arn: `arn:aws:iam::123456789012:role/${name}`,
  id: name,
  path: '/',
  trustPolicy: '{}',
  attachedPolicyArns: [],
  inlinePolicyNames: [],
  tags,
});
const issuer = { issuer: 'https://oidc.example.com/id/A', providerArn: '' };
const of = (clusterArn: string, account: string): Readonly<Record<string, string>> =>
  ownershipTags({ clusterArn, ...issuer, account, uid: 'u' });

it('are roles with the marks of this very cluster whose account is not there', () => {
  const roles = [
    role('lives', of(here, 'lives')),
    role('gone', of(here, 'gone')),
    role('elsewhere', of(there, 'gone')),
    role('foreign', { 'k11n.dev/cluster': here, 'k11n.dev/account': 'gone' }),
    role('bare', {}),
    role('adopted', adoptionTags({ clusterArn: here, ...issuer, account: 'gone-too', uid: 'u' })),
  ];
  expect(orphansOf(roles, here, new Set(['lives'])).map(({ name, adopted }) => [name, adopted])).toEqual([
    ['gone', false],
    ['adopted', true],
  ]);
});
