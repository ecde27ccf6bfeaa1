import { describe, expect, test } from 'vitest';
import type { App } from '../api/index.ts';
import type { ObservedObject } from './manifest.ts';
import { planApp, type AppObservation, type AppPlan } from './plan.ts';
import { account, app, identityOf, observation, otherRoleArn, pod, row, target } from './testing/fixtures.ts';
import { simulatedCluster, valueAt, type SimulatedCluster } from './testing/simulated-cluster.ts';

const twoTargets = [target('production'), target('staging')];

function deployed(of: App, seen: Partial<AppObservation> = {}): SimulatedCluster {
  const cluster = simulatedCluster();
  cluster.applySteps(planApp(observation({ app: of, ...seen })));
  return cluster;
}

function kinds(plan: AppPlan): readonly string[] {
  return plan.targets.map((entry) => {
    if (entry.kind === 'blocked') return `${entry.target.name} blocked ${entry.reason}`;
    if (entry.kind === 'held') return `${entry.target.name} held ${entry.blocker.reason}`;
    return `${entry.target.name} deploy ${entry.steps.map((step) => step.kind).join(' ')}`.trim();
  });
}

describe('in the plan of an app', () => {
  test('a target that cannot be deployed does not block the other targets', () => {
    const plan = planApp(
      observation({
        app: app({ targets: [target('nowhere'), target('production'), target('staging')] }),
        namespaces: new Map([['production', 'present']]),
      }),
    );
    expect(kinds(plan)).toEqual([
      'nowhere blocked TargetUnknown',
      'production deploy apply',
      'staging blocked NamespaceMissing',
    ]);
  });

  test.each(['kube-system', 'default', 'platform'])(
    'a reserved target (%s) does not block the other targets',
    (name) => {
      const plan = planApp(
        observation({
          app: app({ targets: [target(name), target('production')] }),
          operatorNamespace: 'platform',
          knownTargets: new Set([name, 'production']),
          namespaces: new Map([
            [name, 'present'],
            ['production', 'present'],
          ]),
        }),
      );
      expect(kinds(plan)).toEqual([`${name} blocked TargetReserved`, 'production deploy apply']);
    },
  );

  test.each<[string, Partial<AppObservation> & Pick<AppObservation, 'app'>]>([
    ['the App', { app: app({ targets: [target('production')], added: true } as Partial<App['spec']>) }],
    [
      'the ClusterConfig',
      { app: app({ targets: [target('production', { deployMode: 'halt' })] }), newerConfig: 'newer' },
    ],
  ])('nothing is written or removed while %s has fields of a later version', (_what, seen) => {
    const cluster = deployed(app({ targets: twoTargets }));
    const plan = planApp(observation({ ...seen, objects: cluster.objects() }));
    expect(kinds(plan)).toEqual(['production blocked SpecNewerThanOperator']);
    expect(plan.targets.flatMap(({ steps }) => steps)).toEqual([]);
    expect(plan.removals).toEqual([]);
  });

  test('nothing is written into a namespace that is being deleted', () => {
    const plan = planApp(observation({ app: app(), namespaces: new Map([['production', 'terminating']]) }));
    expect(kinds(plan)).toEqual(['production blocked NamespaceTerminating']);
  });

  test('each target of a new app waits until the account is proven in that target', () => {
    const of = app({ serviceAccount: 'payments', targets: twoTargets });
    expect(kinds(planApp(observation({ app: of })))).toEqual([
      'production held AccountNotFound',
      'staging held AccountNotFound',
    ]);
    const half = account([row('production'), row('staging', { proven: false })]);
    expect(kinds(planApp(observation({ app: of, account: half })))).toEqual([
      'production deploy apply',
      'staging held IdentityNotProven',
    ]);
  });

  test('an edit that names another account is not applied until that account is proven', () => {
    const cluster = deployed(app());
    const of = app({ serviceAccount: 'payments', imageTag: '2' });
    const unproven = account([row('production', { proven: false })]);
    const plan = planApp(observation({ app: of, account: unproven, objects: cluster.objects() }));
    expect(kinds(plan)).toEqual(['production held IdentityNotProven']);
  });

  test('an app whose account is no longer proven still gets a new image, and keeps its identity', () => {
    const cluster = deployed(app({ serviceAccount: 'payments' }), { account: account([row('production')]) });
    const before = templateOf(cluster);
    const doubtful = account([row('production', { proven: false })]);
    const of = app({ serviceAccount: 'payments', imageTag: '2' });
    cluster.applySteps(planApp(observation({ app: of, account: doubtful, objects: cluster.objects() })));
    expect(valueAt(templateOf(cluster), ['metadata'])).toEqual(valueAt(before, ['metadata']));
    expect(valueAt(templateOf(cluster), ['spec', 'containers', 0, 'image'])).toBe('example.com/web:2');
  });

  test('a new role of the account rolls the Deployment, and new policies do not', () => {
    const of = app({ serviceAccount: 'payments' });
    const proven = account([row('production')]);
    const cluster = deployed(of, { account: proven });
    const morePolicies = {
      ...proven,
      spec: { ...proven.spec, aws: { policyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] } },
    };
    expect(
      kinds(planApp(observation({ app: of, account: morePolicies, objects: cluster.objects() }))),
    ).toEqual(['production deploy']);
    const moved = account([row('production', { roleArn: otherRoleArn })]);
    const before = templateOf(cluster);
    cluster.applySteps(planApp(observation({ app: of, account: moved, objects: cluster.objects() })));
    expect(templateOf(cluster)).not.toEqual(before);
  });

  test('an app that no longer names an account rolls to pods without an identity, even while the account is being deleted', () => {
    const cluster = deployed(app({ serviceAccount: 'payments' }), { account: account([row('production')]) });
    cluster.applySteps(planApp(observation({ app: app(), objects: cluster.objects() })));
    expect(valueAt(templateOf(cluster), ['spec', 'serviceAccountName'])).toBe('default');
    expect(valueAt(templateOf(cluster), ['metadata', 'annotations'])).toBeUndefined();
  });

  test('a halt is applied even if the account is missing', () => {
    const of = app({ serviceAccount: 'payments', targets: [target('production', { deployMode: 'halt' })] });
    expect(kinds(planApp(observation({ app: of })))).toEqual(['production deploy apply']);
  });

  describe('a halt of an app whose last edit cannot be applied', () => {
    const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
    const invalid = { imageTag: '2', image: 'example.com/web:1' };
    const halted = [target('production', { deployMode: 'halt' })];
    const autoscaled = { ports, scale: { min: 2, max: 5 } };
    const replicasOf = (cluster: SimulatedCluster): unknown =>
      valueAt(
        cluster.objects().find((object) => object.kind === 'Deployment'),
        ['spec', 'replicas'],
      );

    test('stops all pods, and resuming runs the app as it was last deployed', () => {
      const cluster = deployed(app(autoscaled));
      cluster.edit('Deployment', ['spec', 'replicas'], 4);
      const template = templateOf(cluster);
      const others = cluster.objects().filter((object) => object.kind !== 'Deployment');
      const see = (spec: Partial<App['spec']>): AppPlan => {
        const plan = planApp(
          observation({ app: app({ ...autoscaled, ...spec }), objects: cluster.objects() }),
        );
        cluster.applySteps(plan);
        return plan;
      };

      expect(kinds(see(invalid))).toEqual(['production blocked InvalidSpec']);
      expect(replicasOf(cluster)).toBe(4);
      see({ ...invalid, targets: halted });
      expect(replicasOf(cluster)).toBe(0);
      expect(see({ ...invalid, targets: halted }).targets[0]?.steps).toEqual([]);
      see(invalid);
      expect(replicasOf(cluster)).toBe(4);
      expect(see(invalid).targets[0]?.steps).toEqual([]);
      expect(templateOf(cluster)).toEqual(template);
      expect(cluster.objects().filter((object) => object.kind !== 'Deployment')).toEqual(others);
    });

    test('stops all pods even if an object of another owner blocks the target', () => {
      const cluster = deployed(app());
      cluster.put({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'production' } });
      const of = app({ ports, targets: halted });
      const plan = planApp(observation({ app: of, objects: cluster.objects() }));
      expect(kinds(plan)).toEqual(['production blocked NotOwned']);
      cluster.applySteps(plan);
      expect(replicasOf(cluster)).toBe(0);
    });

    test('is planned before the other steps, which the API server may refuse', () => {
      const cluster = deployed(app());
      const of = app({ ports, imageTag: '2', targets: halted });
      const [plan] = planApp(observation({ app: of, objects: cluster.objects() })).targets;
      expect(plan?.steps.map(({ kind }) => kind)).toEqual(['scale', 'apply', 'apply']);
    });

    test('leaves no annotation on the Deployment after the app is resumed with a valid spec', () => {
      const cluster = deployed(app(autoscaled));
      const fresh = cluster.objects();
      for (const spec of [{ ...invalid, targets: halted }, {}])
        cluster.applySteps(
          planApp(observation({ app: app({ ...autoscaled, ...spec }), objects: cluster.objects() })),
        );
      expect(cluster.objects()).toEqual(fresh);
    });

    test('ends only if new pods would still hold the identity of the last deployed template', () => {
      const of = (spec: Partial<App['spec']>): App => app({ serviceAccount: 'payments', ...spec });
      const proven = account([row('production')]);
      const resumes = (spec: Partial<App['spec']>, seen: AppObservation['account']): boolean => {
        const cluster = deployed(of({}), { account: proven });
        for (const [edit, known] of [
          [{ ...invalid, targets: halted }, proven],
          [{ ...invalid, ...spec }, seen],
        ] as const)
          cluster.applySteps(
            planApp(observation({ app: of(edit), account: known, objects: cluster.objects() })),
          );
        return replicasOf(cluster) === 1;
      };
      expect(resumes({}, proven)).toBe(true);
      expect(resumes({}, account([row('production', { roleArn: otherRoleArn })]))).toBe(false);
      expect(resumes({}, undefined)).toBe(false);
      expect(resumes({ serviceAccount: 'other' }, proven)).toBe(false);
    });

    test("does not end while one of the app's dependencies is missing", () => {
      const cluster = deployed(app());
      const calling = { dependencies: [{ name: 'gone' }] };
      for (const spec of [{ targets: halted }, {}, { ...invalid }])
        cluster.applySteps(
          planApp(observation({ app: app({ ...calling, ...spec }), objects: cluster.objects() })),
        );
      expect(replicasOf(cluster)).toBe(0);
    });

    test('is planned only in targets of the cluster, and not in other namespaces', () => {
      const cluster = deployed(app());
      const plan = planApp(
        observation({ app: app({ targets: halted }), knownTargets: new Set(), objects: cluster.objects() }),
      );
      expect(plan.targets[0]).toMatchObject({ kind: 'blocked', reason: 'TargetUnknown', steps: [] });
    });
  });

  test('an object that has the wanted name but another owner blocks the target, and is not changed', () => {
    const foreign: ObservedObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'web',
        namespace: 'production',
        labels: { 'k11n.dev/app': 'web' },
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'Other', name: 'x', uid: 'other', controller: true },
        ],
      },
    };
    const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
    const withPorts = planApp(observation({ app: app({ ports, targets: twoTargets }), objects: [foreign] }));
    expect(kinds(withPorts)).toEqual(['production blocked NotOwned', 'staging deploy apply apply']);
    const without = planApp(observation({ app: app(), objects: [foreign] }));
    expect(kinds(without)).toEqual(['production deploy apply']);
  });

  test('an app adopts objects that a deleted app of the same name left behind', () => {
    const cluster = deployed(app());
    cluster.edit('Deployment', ['metadata', 'ownerReferences'], undefined);
    const reborn = app({}, { uid: 'another-uid' });
    cluster.applySteps(planApp(observation({ app: reborn, objects: cluster.objects() })));
    expect(cluster.objects()[0]?.metadata.ownerReferences?.[0]?.uid).toBe('another-uid');
  });

  test('an object that is no longer wanted is deleted, and is not deleted again while it terminates', () => {
    const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
    const cluster = deployed(app({ ports }));
    expect(kinds(planApp(observation({ app: app(), objects: cluster.objects() })))).toEqual([
      'production deploy apply delete',
    ]);
    cluster.edit('Service', ['metadata', 'deletionTimestamp'], '2026-11-24T08:00:00Z');
    expect(kinds(planApp(observation({ app: app(), objects: cluster.objects() })))).toEqual([
      'production deploy apply',
    ]);
  });

  test("no steps are planned for an app that is being deleted, because the garbage collector deletes the app's objects", () => {
    const cluster = deployed(app());
    const going = app({}, { deletionTimestamp: '2026-11-24T08:00:00Z' });
    expect(planApp(observation({ app: going, objects: cluster.objects() }))).toEqual({
      targets: [],
      removals: [],
    });
  });

  describe('for an app with an account, a dry-run pod', () => {
    const proven = account([row('production')]);
    const web = (fields: Partial<App['spec']> = {}): App => app({ serviceAccount: 'payments', ...fields });
    const halted = [target('production', { deployMode: 'halt' })];
    const rest = { app: web(), account: proven };

    /**
     * Returns, for each dry-run pod of the plan, the kind of the object that is written after it, and the accepted
     * roles. The dry-run pod must get one of these roles.
     */
    function dryRuns(cluster: SimulatedCluster, seen: Partial<AppObservation> = {}): readonly unknown[] {
      const plan = planApp(observation({ ...rest, objects: cluster.objects(), ...seen }));
      return plan.targets.flatMap(({ steps }) =>
        steps.flatMap((step) =>
          'dryRunPod' in step
            ? [
                step.kind === 'apply' ? step.manifest.kind : step.kind,
                ...step.dryRunPod.wanted.map(({ roleArn }) => roleArn),
              ]
            : [],
        ),
      );
    }
    const running = (of: App = web()): SimulatedCluster => deployed(of, { account: proven });
    const arn = row('production').roleArn ?? '';

    test.each([
      ['the first deployment', () => simulatedCluster(), {}],
      ['another image', () => running(), { app: web({ imageTag: '2' }) }],
      ['a return to an earlier image', () => running(web({ imageTag: '2' })), {}],
      ['another command', () => running(), { app: web({ command: ['serve'] }) }],
      ['another variable', () => running(), { app: web({ env: [{ name: 'LEVEL', value: 'debug' }] }) }],
      ['the removal of a variable', () => running(web({ env: [{ name: 'LEVEL', value: 'debug' }] })), {}],
      [
        'another config',
        () => running(),
        { app: web({ configs: [{ name: 'settings', data: { LEVEL: 'debug' } }] }) },
      ],
      ['more replicas', () => running(), { app: web({ scale: { min: 2 } }) }],
      ['a scale from zero', () => running(web({ scale: { min: 0 } })), {}],
      ['the end of a halt', () => running(web({ targets: halted })), {}],
    ] satisfies readonly (readonly [string, () => SimulatedCluster, Partial<AppObservation>])[])(
      'precedes a write of the Deployment for %s',
      (_, cluster, seen) => {
        expect(dryRuns(cluster(), seen)).toEqual(['Deployment', arn]);
      },
    );

    test('is sent before the Deployment gets its first role or another role', () => {
      const other = account([row('production', { roleArn: otherRoleArn })]);
      expect(dryRuns(running(), { account: other })).toEqual(['Deployment', otherRoleArn]);
      expect(dryRuns(deployed(app()), {})).toEqual(['Deployment', arn]);
    });

    test('is sent before a manually changed template or number of replicas is reverted', () => {
      const edited = running();
      edited.edit('Deployment', ['spec', 'template', 'spec', 'containers', 0, 'image'], 'example.com/other');
      expect(dryRuns(edited)).toEqual(['Deployment', arn]);
      const scaledDown = running();
      scaledDown.edit('Deployment', ['spec', 'replicas'], 0);
      expect(dryRuns(scaledDown)).toEqual(['Deployment', arn]);
    });

    test('is sent before the autoscaler gets a minimum above the current number of replicas', () => {
      const scaled = running(web({ scale: { min: 2, max: 4 } }));
      expect(dryRuns(scaled, { app: web({ scale: { min: 3, max: 4 } }) })).toEqual([
        'HorizontalPodAutoscaler',
        arn,
      ]);
      expect(dryRuns(scaled, { app: web({ scale: { min: 2, max: 8 } }) })).toEqual([]);
      scaled.edit('Deployment', ['spec', 'replicas'], 4);
      expect(dryRuns(scaled, { app: web({ scale: { min: 3, max: 8 } }) })).toEqual([]);
    });

    test('is sent before a halted app whose spec cannot be applied is resumed', () => {
      const cluster = running(web({ targets: halted }));
      cluster.edit('Deployment', ['metadata', 'annotations', 'k11n.dev/replicas-before-halt'], '1');
      const invalid = web({ image: 'example.com/web:1', imageTag: '2' });
      expect(dryRuns(cluster, { app: invalid })).toEqual(['scale', arn]);
    });

    test('is sent before an app that waits for its rollout slot gets more replicas, and passes if the dry-run pod gets the old or the new identity', () => {
      const next = account([row('production', { roleArn: otherRoleArn })]);
      const blocker = { reason: 'WaitingForTurn', message: 'after others' } as const;
      const seen = {
        account: next,
        app: web({ scale: { min: 2 } }),
        slots: new Map([['production', { kind: 'waits', blocker } as const]]),
      };
      expect(dryRuns(running(), seen)).toEqual(['Deployment', arn, otherRoleArn]);
    });

    test('is not planned for writes that create no pods', () => {
      expect(dryRuns(running())).toEqual([]);
      expect(dryRuns(running(web({ scale: { min: 3 } })))).toEqual([]);
      expect(dryRuns(running(), { app: web({ targets: halted, imageTag: '2' }) })).toEqual([]);
      expect(dryRuns(simulatedCluster(), { app: web({ targets: halted }) })).toEqual([]);
      expect(dryRuns(running(), { app: app() })).toEqual([]);
      const unlabelled = running();
      unlabelled.edit('Deployment', ['metadata', 'labels', 'k11n.dev/target'], 'other');
      expect(dryRuns(unlabelled)).toEqual([]);
    });

    test('that is refused blocks only writes that would replace pods that hold an identity', () => {
      const protects = (pods: AppObservation['pods']): unknown =>
        planApp(
          observation({
            ...rest,
            app: web({ imageTag: '2' }),
            objects: running().objects(),
            pods,
          }),
        ).targets.flatMap(({ steps }) =>
          steps.flatMap((step) => ('dryRunPod' in step ? [step.dryRunPod.protectsPods] : [])),
        );
      const { mark } = identityOf();
      expect(protects([pod({ mark, holds: arn })])).toEqual([true]);
      expect(protects([pod({ mark })])).toEqual([false]);
      expect(protects([pod({ mark, holds: arn, deleting: true })])).toEqual([false]);
      expect(protects([])).toEqual([false]);
    });
  });
});

function templateOf(cluster: SimulatedCluster): unknown {
  return valueAt(
    cluster.objects().find((object) => object.kind === 'Deployment'),
    ['spec', 'template'],
  );
}
