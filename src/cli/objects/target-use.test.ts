import { describe, expect, it } from 'vitest';
import type { App } from '../../api/app.ts';
import type { LinkedServiceAccount, TargetStatus } from '../../api/linked-service-account.ts';
import { useOfTarget } from './target-use.ts';

const app = (name: string, ...targets: readonly string[]): App => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'App',
  metadata: { name },
  spec: { image: 'x', targets: targets.map((target) => ({ name: target, deployMode: 'latest' })) },
});
const account = (
  name: string,
  targets: string[] | undefined,
  ...rows: readonly (Partial<TargetStatus> & { readonly name: string })[]
): LinkedServiceAccount => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name },
  spec: { aws: { policyArns: [] }, deletionPolicy: 'Delete', ...(targets ? { targets } : {}) },
  status: { targets: rows.map((row) => ({ linked: true, proven: true, ...row })) },
});
const pods = (current: number, stale = 0): Pick<TargetStatus, 'pods'> => ({
  pods: { current, stale, uninjected: 7 },
});

describe('the deletion of a target', () => {
  it('is blocked by each app and account that names the target, and the report names a command that removes each blocker', () => {
    const { holders } = useOfTarget(
      'staging',
      [account('named', ['production', 'staging']), account('other', ['production'])],
      [app('web', 'staging'), app('api', 'production')],
    );
    expect(holders).toEqual([
      {
        text: 'app web names the target',
        next: 'Move the app: kon app edit web --target TARGET; or delete it: kon app delete web',
      },
      {
        text: 'account named names the target',
        next: 'Limit the account to its other targets: kon account edit named --target TARGET',
      },
    ]);
  });

  it("is blocked by an account that applies to all targets only while pods in the target hold the account's identity", () => {
    const accounts = [
      account('busy', undefined, { name: 'staging', ...pods(1, 1) }),
      account('one', undefined, { name: 'staging', ...pods(1) }),
      account('idle', undefined, { name: 'staging', ...pods(0) }),
      account('elsewhere', undefined, { name: 'production', ...pods(3) }),
      account('waiting', undefined, { name: 'staging', linked: false }),
    ];
    const { holders, unlinked } = useOfTarget('staging', accounts, []);
    expect(holders.map(({ text }) => text)).toEqual([
      '2 pods in the target hold the identity of the account busy, and would keep this identity until they end',
      'a pod in the target holds the identity of the account one, and would keep this identity until it ends',
    ]);
    expect(unlinked).toEqual(['idle']);
  });
});
