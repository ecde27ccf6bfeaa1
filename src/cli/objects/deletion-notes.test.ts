import { describe, expect, it } from 'vitest';
import type { App } from '../../api/app.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { accountDeletionNotes, appDeletionNotes } from './deletion-notes.ts';

const account = (over: object = {}): LinkedServiceAccount =>
  ({
    metadata: { name: 'orders' },
    spec: { aws: { policyArns: [] } },
    status: { roleArn: 'arn:aws:iam::1:role/orders' },
    ...over,
  }) as unknown as LinkedServiceAccount;
const app = (name: string, spec: object = {}, status?: object): App =>
  ({
    metadata: { name },
    spec: { image: 'nginx', targets: [{ name: 'production' }], ...spec },
    status,
  }) as unknown as App;

describe('accountDeletionNotes', () => {
  it('names the pods and the apps that use the account, the role that is deleted, and what cannot be undone', () => {
    const pods = { current: 2, stale: 1, uninjected: 4 };
    const used = account({
      status: {
        roleArn: 'arn:aws:iam::1:role/orders',
        targets: [
          { name: 'production', pods },
          { name: 'staging', pods: { current: 0, stale: 0, uninjected: 0 } },
        ],
      },
    });
    const apps = [app('web', { serviceAccount: 'orders' }), app('other', { serviceAccount: 'else' })];
    expect(accountDeletionNotes(used, apps)).toEqual([
      'In use: 3 running pods in production. The deletion waits until these pods end.',
      '1 app names the account: web. From now on, no new pod gets its identity, so deploys of this app wait.',
      '  To remove the account from the app first: kon app edit web --no-account',
      'The role arn:aws:iam::1:role/orders is deleted too, which ends its sessions immediately.',
      'A requested deletion cannot be cancelled, and the account cannot be changed any more.',
    ]);
  });

  it('reports an unused account without a line about use', () => {
    expect(accountDeletionNotes(account(), [app('web')])).toHaveLength(2);
  });

  it('reports that a retained or adopted role stays', () => {
    const retained = account({ spec: { aws: {}, deletionPolicy: 'Retain' } });
    expect(accountDeletionNotes(retained, [])[0]).toContain('stays in IAM, including its policies');
    expect(accountDeletionNotes(account({ spec: { aws: { adopt: true } } }), [])[0]).toContain('was adopted');
  });

  it('reports that the deletion of a retained role waits only for pods that would lose their access', () => {
    const status = { targets: [{ name: 'production', pods: { current: 1, stale: 0, uninjected: 0 } }] };
    const used = account({ spec: { aws: {}, deletionPolicy: 'Retain' }, status });
    expect(accountDeletionNotes(used, [])[0]).toBe(
      'In use: 1 running pod in production. The deletion waits for the end of all pods that would lose their access.',
    );
  });

  it('reports that the use is unknown when the user cannot list apps', () => {
    expect(accountDeletionNotes(account(), undefined)[0]).toContain('it is unknown which apps are affected');
  });
});

describe('appDeletionNotes', () => {
  it('names the apps that depend on the app, its ready pods, and the way to keep a copy', () => {
    const status = { targets: [{ name: 'production', readyReplicas: 2 }] };
    const others = [app('front', { dependencies: [{ name: 'web' }] }), app('batch')];
    expect(appDeletionNotes(app('web', {}, status), others)).toEqual([
      '1 app depends on this app, and will not reach it any more after the deletion: front.',
      'Its pods in production are stopped (2 ready), and its Services are deleted.',
      'The deletion cannot be undone. To keep a copy: kon app export web > web.yaml',
    ]);
  });
});
