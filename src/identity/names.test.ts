import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roleIndex, roleName } from './names.ts';

const clusterArn = (region: string, name: string): string =>
  `arn:aws:eks:${region}:123456789012:cluster/${name}`;
const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const account = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('.').slice(0, 253).replace(/[.-]$/, ''));
const cluster = fc.stringMatching(/^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$/);

describe('role names', () => {
  it('are what IAM takes, with the suffix of a further role too', () => {
    fc.assert(
      fc.property(cluster, account, fc.integer({ min: 1, max: 999 }), (clusterName, name, index) => {
        const role = roleName({
          clusterArn: clusterArn('us-west-2', clusterName),
          clusterName,
          account: name,
          index,
        });
        expect(role).toMatch(/^[\w+=,.@-]{1,64}$/);
      }),
      { numRuns: 2000 },
    );
  });

  it('differ, without regard to case, wherever cluster ARN or account differ', () => {
    const of = fc.tuple(fc.constantFrom('us-west-2', 'eu-west-1'), cluster, account);
    fc.assert(
      fc.property(of, of, ([regionA, clusterA, accountA], [regionB, clusterB, accountB]) => {
        const name = (region: string, clusterName: string, of: string): string =>
          roleName({ clusterArn: clusterArn(region, clusterName), clusterName, account: of }).toLowerCase();
        const same = regionA === regionB && clusterA === clusterB && accountA === accountB;
        expect(name(regionA, clusterA, accountA) === name(regionB, clusterB, accountB)).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });

  it('tell clusters of one name in two regions, and of two cases, apart', () => {
    const name = (region: string, clusterName: string): string =>
      roleName({ clusterArn: clusterArn(region, clusterName), clusterName, account: 'myaccount' });
    expect(
      new Set(
        [name('us-west-2', 'main'), name('eu-west-1', 'main'), name('us-west-2', 'MAIN')].map((n) =>
          n.toLowerCase(),
        ),
      ).size,
    ).toBe(3);
  });

  it('are not confused by where the cluster ends and the account begins', () => {
    const arn = clusterArn('us-west-2', 'a');
    expect(roleName({ clusterArn: arn, clusterName: 'a', account: 'b-c' })).not.toBe(
      roleName({ clusterArn: clusterArn('us-west-2', 'a-b'), clusterName: 'a-b', account: 'c' }),
    );
  });

  it('give their index back', () => {
    const base = roleName({ clusterArn: clusterArn('us-west-2', 'a'), clusterName: 'a', account: 'b' });
    expect(roleIndex(base, base)).toBe(1);
    expect(roleIndex(`${base}-7`, base)).toBe(7);
    expect(roleIndex(`${base}-x`, base)).toBeUndefined();
    expect(roleIndex(`${base}-1`, base)).toBeUndefined();
    expect(roleIndex('other', base)).toBeUndefined();
  });
});
