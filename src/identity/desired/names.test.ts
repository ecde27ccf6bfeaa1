import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roleArn } from './arn.ts';
import { roleIndex, roleName } from './names.ts';

const clusterArn = (region: string, name: string): string =>
  `arn:aws:eks:${region}:123456789012:cluster/${name}`;
const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const account = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('.').slice(0, 253).replace(/[.-]$/, ''));
const cluster = fc.stringMatching(/^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$/);

const partitions = [
  ['aws', 'us-west-2'],
  ['aws-cn', 'cn-north-1'],
  ['aws-us-gov', 'us-gov-west-1'],
] as const;

describe('role names', () => {
  it('are valid in IAM, also with the suffix of the second and later roles of an account', () => {
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

  it('differ, even after conversion to lower case, if the cluster ARNs or the account names differ', () => {
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

  it('differ for clusters with the same name in two regions, and for names that differ only in case', () => {
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

  it('differ between account b-c of cluster a and account c of cluster a-b', () => {
    const arn = clusterArn('us-west-2', 'a');
    expect(roleName({ clusterArn: arn, clusterName: 'a', account: 'b-c' })).not.toBe(
      roleName({ clusterArn: clusterArn('us-west-2', 'a-b'), clusterName: 'a-b', account: 'c' }),
    );
  });

  it('differ if the name of the cluster or the account differs in one character or in case, or if characters move between the names', () => {
    const flip = (text: string): string =>
      text.replace(/[a-z]/gi, (char) =>
        char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase(),
      );
    const variants: readonly ((of: [string, string]) => [string, string])[] = [
      ([clusterName, name]) => [clusterName, `${name.slice(0, -1)}${name.endsWith('z') ? 'y' : 'z'}`],
      ([clusterName, name]) => [clusterName, `${name}0`.slice(-253)],
      ([clusterName, name]) => [flip(clusterName), name],
      ([clusterName, name]) => [`${clusterName}-${name.slice(0, 1)}`, name.slice(1) || 'x'],
      ([clusterName, name]) => [clusterName, name.replace('.', '-')],
    ];
    const of = (
      clusterName: string,
      name: string,
      [partition, region]: (typeof partitions)[number],
    ): string =>
      roleName({
        clusterArn: `arn:${partition}:eks:${region}:123456789012:cluster/${clusterName}`,
        clusterName,
        account: name,
      }).toLowerCase();
    fc.assert(
      fc.property(
        cluster,
        account,
        fc.constantFrom(...variants),
        fc.constantFrom(...partitions),
        (clusterName, name, vary, where) => {
          const [otherCluster, otherName] = vary([clusterName, name]);
          fc.pre(otherCluster !== clusterName || otherName !== name);
          expect(of(clusterName, name, where)).not.toBe(of(otherCluster, otherName, where));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it.each(partitions)(
    'of accounts with 253 characters and dots fit and differ in %s',
    (partition, region) => {
      const long = (last: string): string =>
        `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(60)}${last}`;
      const name = (account: string, index?: number): string =>
        roleName({
          clusterArn: `arn:${partition}:eks:${region}:123456789012:cluster/${'C'.repeat(100)}`,
          clusterName: 'C'.repeat(100),
          account,
          ...(index === undefined ? {} : { index }),
        });
      expect(long('x')).toHaveLength(253);
      expect(name(long('x'))).not.toBe(name(long('y')));
      for (const role of [name(long('x')), name(long('x'), 999)]) expect(role).toMatch(/^[\w+=,.@-]{1,64}$/);
      expect(
        roleArn({ partition, accountId: '123456789012', path: '/konstellation/', name: name(long('x')) }),
      ).toBe(`arn:${partition}:iam::123456789012:role/konstellation/${name(long('x'))}`);
    },
  );

  it('contain the index of the role', () => {
    const base = roleName({ clusterArn: clusterArn('us-west-2', 'a'), clusterName: 'a', account: 'b' });
    expect(roleIndex(base, base)).toBe(1);
    expect(roleIndex(`${base}-7`, base)).toBe(7);
    expect(roleIndex(`${base}-x`, base)).toBeUndefined();
    expect(roleIndex(`${base}-1`, base)).toBeUndefined();
    expect(roleIndex('other', base)).toBeUndefined();
  });
});
