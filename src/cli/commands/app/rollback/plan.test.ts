import { describe, expect, it } from 'vitest';
import { identityAnnotation } from '../../../../api/labels.ts';
import type { App } from '../../../../api/app.ts';
import type { AppDeployment, ReplicaSet } from '../../../cluster/app-objects.ts';
import { planRollback, rollbackText } from './plan.ts';
import { revisionsOf, type Revision } from '../revisions.ts';

const app: App = {
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'App',
  metadata: { name: 'web' },
  spec: {
    image: 'web',
    imageTag: '3',
    targets: [
      { name: 'production', deployMode: 'latest' },
      { name: 'staging', deployMode: 'latest' },
    ],
  },
};

type Template = {
  readonly image: string;
  readonly role?: string;
  readonly env?: string;
  readonly config?: string;
};

function replicaSet(revision: number, { image, role, env, config }: Template): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `web-${revision}`,
      annotations: { 'deployment.kubernetes.io/revision': String(revision) },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd1' }],
    },
    spec: {
      replicas: 0,
      template: {
        metadata: {
          labels: { 'pod-template-hash': `h${revision}` },
          annotations: role === undefined ? {} : { [identityAnnotation]: `${role} for sts.amazonaws.com` },
        },
        spec: {
          containers: [
            {
              name: 'web',
              image,
              ...(env === undefined ? {} : { env: [{ name: 'A', value: env }] }),
              ...(config === undefined
                ? {}
                : {
                    envFrom: [{ configMapRef: { name: `web-settings-${config}` } }],
                    volumeMounts: [{ name: 'config-files', mountPath: '/etc/web' }],
                  }),
            },
          ],
          ...(config === undefined
            ? {}
            : { volumes: [{ name: 'config-files', configMap: { name: `web-files-${config}` } }] }),
        },
      },
    },
  };
}

function history(target: string, templates: readonly Template[]): readonly Revision[] {
  const deployment: AppDeployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      uid: 'd1',
      annotations: { 'deployment.kubernetes.io/revision': String(templates.length) },
    },
  };
  return revisionsOf(
    target,
    deployment,
    templates.map((template, index) => replicaSet(index + 1, template)),
  );
}

describe('the revisions of an app', () => {
  it('are listed newest first, with the changes of each and a mark on the deployed one', () => {
    const revisions = history('production', [
      { image: 'web:1' },
      { image: 'web:1', role: 'arn:aws:iam::1:role/r' },
      { image: 'web:2', role: 'arn:aws:iam::1:role/r', env: 'x' },
      { image: 'web:2', role: 'arn:aws:iam::1:role/r', env: 'x', config: '1' },
      { image: 'web:3', role: 'arn:aws:iam::1:role/r', env: 'x', config: '2' },
    ]);
    expect(
      revisions.map(({ number, current, image, role, changes }) => [number, current, image, role, changes]),
    ).toEqual([
      [5, true, 'web:3', 'arn:aws:iam::1:role/r', ['image', 'configs']],
      [4, false, 'web:2', 'arn:aws:iam::1:role/r', ['configs']],
      [3, false, 'web:2', 'arn:aws:iam::1:role/r', ['image', 'template']],
      [2, false, 'web:1', 'arn:aws:iam::1:role/r', ['identity']],
      [1, false, 'web:1', undefined, []],
    ]);
  });

  it('include only ReplicaSets that belong to the Deployment', () => {
    const foreign = { ...replicaSet(1, { image: 'web:1' }), metadata: { name: 'other', annotations: {} } };
    expect(revisionsOf('production', undefined, [replicaSet(1, { image: 'web:1' })])).toEqual([]);
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', uid: 'd1' } };
    expect(revisionsOf('production', deployment, [foreign])).toEqual([]);
  });
});

describe('a rollback', () => {
  const images = (...tags: string[]): Template[] => tags.map((tag) => ({ image: `web:${tag}` }));

  it('selects the last revision with another image, and skips restarts and identity changes', () => {
    const revisions = history('production', [
      ...images('1', '2', '3'),
      { image: 'web:3', role: 'arn:aws:iam::1:role/r' },
    ]);
    const plan = planRollback(app, revisions, undefined);
    expect(plan.image).toBe('web:2');
    expect(plan.changes).toEqual([{ field: 'imageTag', from: '3', to: '2' }]);
    expect(plan.leftOut).toEqual(['identity']);
    expect(rollbackText(app, plan)).toBe(
      'App web goes back to the image web:2 (revision 2 of production), in all its 2 targets:\n' +
        '  spec.imageTag: 3 → 2\n' +
        'That revision also differs in AWS identity, which stays unchanged.\n',
    );
  });

  it('selects the running revision if the new image was never deployed', () => {
    expect(planRollback(app, history('production', images('1', '2')), undefined).image).toBe('web:2');
  });

  it('selects the requested revision', () => {
    expect(planRollback(app, history('production', images('1', '2', '3')), 1).image).toBe('web:1');
    expect(() => planRollback(app, history('production', images('1', '2', '3')), 9)).toThrow(
      'app "web" has no revision 9',
    );
  });

  it('requires a choice of the target if the revisions of the targets have different images', () => {
    const revisions = [
      ...history('production', images('1', '3')),
      ...history('staging', images('1', '2', '3')),
    ];
    expect(() => planRollback(app, revisions, undefined)).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        details: ['production: revision 1 has web:1', 'staging: revision 2 has web:2'],
        next: expect.arrayContaining([expect.stringContaining('--target production')]),
      }),
    );
    expect(planRollback(app, revisions, 1).image).toBe('web:1');
  });

  it('reports that no earlier image exists', () => {
    expect(() => planRollback(app, history('production', images('3')), undefined)).toThrow(
      'no earlier image',
    );
    expect(() => planRollback(app, [], undefined)).toThrow('no earlier image');
  });

  it('reports that the app already has the image', () => {
    const plan = planRollback(app, history('production', images('1', '3')), 2);
    expect(rollbackText(app, plan)).toBe('app web already has the image web:3 (revision 2 of production)\n');
  });
});
