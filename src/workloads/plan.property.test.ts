import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { App, AppSpec, AppTarget } from '../api/index.ts';
import { planApp, type AppObservation, type TargetPlan } from './plan.ts';
import type { Step } from './steps.ts';
import { account, app, observation, row, target } from './testing/fixtures.ts';
import { simulatedCluster, valueAt, type SimulatedCluster } from './testing/simulated-cluster.ts';

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
/** Omits fields whose value is undefined. */
const asOnTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const env = optional(
  fc.uniqueArray(
    fc.record({ name: fc.constantFrom('A', 'B', 'C'), value: optional(fc.constantFrom('', '1', '2')) }),
    { selector: (entry) => entry.name },
  ),
);
const scale = optional(
  fc.constantFrom({ min: 0 }, { min: 1 }, { min: 3 }, { min: 2, max: 6 }, { min: 4, max: 4 }),
);
const resources = optional(
  fc.record({
    requests: optional(fc.record({ cpu: fc.constantFrom('0.5', '500m', '1'), memory: fc.constant('1Gi') })),
    limits: optional(fc.record({ cpu: fc.constantFrom('2', '1500m') })),
  }),
);
const probes = optional(
  fc.record({ readiness: optional(fc.constant({ tcpSocket: { port: 8080 }, initialDelaySeconds: 0 })) }),
);

const configs = optional(
  fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('settings', 'more'),
      mountPath: optional(fc.constantFrom('/etc/a', '/etc/b')),
      data: optional(fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2'))),
    }),
    { selector: (entry) => entry.name },
  ),
);
const dependencies = optional(
  fc.constantFrom([{ name: 'reviews' }], [{ name: 'reviews', target: 'staging', port: 'http' }]),
);

const targetOf = (name: string): fc.Arbitrary<AppTarget> =>
  fc
    .record({
      env,
      configs,
      scale,
      resources,
      probes,
      ingress: optional(
        fc.record({ hosts: fc.constant(['a.example']), annotations: optional(fc.constant({ x: 'y' })) }),
      ),
      deployMode: fc.constantFrom('latest' as const, 'halt' as const),
    })
    .map((fields) => asOnTheWire(target(name, fields as Partial<AppTarget>)) as AppTarget);

const specs: fc.Arbitrary<Partial<AppSpec>> = fc
  .record({
    image: fc.constantFrom('web', 'example.com/web'),
    imageTag: optional(fc.constantFrom('1', '2')),
    ports: optional(fc.constant([{ name: 'http', port: 8080, protocol: 'TCP' as const }])),
    args: optional(fc.array(fc.constantFrom('-a', '-b'), { maxLength: 3 })),
    env,
    configs,
    dependencies,
    scale,
    resources,
    probes,
    serviceAccount: optional(fc.constant('payments')),
    targets: fc
      .subarray(['production', 'staging', 'elsewhere'], { minLength: 1 })
      .chain((names) => fc.tuple(...names.map(targetOf))),
  })
  .map((spec) => asOnTheWire(spec) as Partial<AppSpec>);

const accounts = fc.constantFrom(
  undefined,
  account([row('production'), row('staging')]),
  account([row('production'), row('staging', { proven: false })]),
  account([row('production', { roleArn: 'arn:aws:iam::111122223333:role/other' })]),
);

const otherApps = fc.constantFrom(
  new Map(),
  new Map([['reviews', callee(8080)]]),
  new Map([['reviews', callee(9090)]]),
);

const worlds = fc.record({ spec: specs, account: accounts, others: otherApps });

function callee(port: number): App {
  const targets = [target('production'), target('staging')];
  return app(
    { ports: [{ name: 'http', port, protocol: 'TCP' }], targets },
    { name: 'reviews', uid: 'other' },
  );
}

function see(
  cluster: SimulatedCluster,
  world: { spec: Partial<AppSpec>; account: AppObservation['account']; others: AppObservation['others'] },
): AppObservation {
  const { spec, account, others } = world;
  return observation({ app: app(spec), account, others, objects: cluster.objects() });
}

describe('planApp', () => {
  test('plans no more steps after its steps were executed, whatever existed before', () => {
    fc.assert(
      fc.property(fc.array(worlds, { minLength: 1, maxLength: 4 }), (history) => {
        const cluster = simulatedCluster();
        for (const world of history) {
          cluster.applySteps(planApp(see(cluster, world)));
          // The first plan keeps objects that pods of the previous template may need. After these pods are deleted, a
          // second plan deletes such objects.
          const later = planApp(see(cluster, world)).targets.flatMap(stepsOf);
          expect(later.filter((step) => !isDeletionOfConfig(step))).toEqual([]);
          cluster.applySteps(planApp(see(cluster, world)));
          expect(cluster.applySteps(planApp(see(cluster, world)))).toBe(0);
        }
      }),
    );
  });

  test('returns the same steps for the same observation', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const seen = see(simulatedCluster(), world);
        expect(planApp(seen)).toStrictEqual(planApp(asIs(seen)));
      }),
    );
  });

  test('reverts manual changes', () => {
    fc.assert(
      fc.property(worlds, fc.constantFrom('image', 'label', 'owner'), (world, what) => {
        const cluster = simulatedCluster();
        cluster.applySteps(planApp(see(cluster, world)));
        const before = cluster.objects();
        if (what === 'image')
          cluster.edit('Deployment', ['spec', 'template', 'spec', 'containers', 0, 'image'], 'other');
        if (what === 'label') cluster.edit('Deployment', ['metadata', 'labels', 'k11n.dev/target'], 'other');
        if (what === 'owner') cluster.edit('Deployment', ['metadata', 'ownerReferences'], undefined);
        cluster.applySteps(planApp(see(cluster, world)));
        expect(cluster.objects()).toEqual(before);
      }),
    );
  });

  test('removes all objects of the app on a target that the app no longer lists', () => {
    fc.assert(
      fc.property(worlds, worlds, (first, second) => {
        const cluster = simulatedCluster();
        cluster.applySteps(planApp(see(cluster, first)));
        cluster.applySteps(planApp(see(cluster, second)));
        const wanted = new Set(second.spec.targets?.map(({ name }) => name));
        for (const object of cluster.objects()) expect(wanted).toContain(object.metadata.namespace);
      }),
    );
  });

  test('never deploys an identity that is not proven', () => {
    fc.assert(
      fc.property(fc.array(worlds, { minLength: 1, maxLength: 3 }), (history) => {
        const cluster = simulatedCluster();
        const proven = new Set<string>();
        for (const world of history) {
          cluster.applySteps(planApp(see(cluster, world)));
          for (const entry of world.account?.status?.targets ?? [])
            if (entry.proven) proven.add(`${entry.name} ${entry.roleArn}`);
          for (const object of cluster.objects()) {
            const annotations = ['spec', 'template', 'metadata', 'annotations', 'k11n.dev/identity'];
            const mark = valueAt(object, annotations);
            if (typeof mark === 'string')
              expect(proven).toContain(`${object.metadata.namespace} ${mark.split(' ')[0]}`);
          }
        }
      }),
    );
  });
});

function stepsOf(plan: TargetPlan): readonly Step[] {
  return plan.steps;
}

function isDeletionOfConfig(step: Step): boolean {
  return step.kind === 'delete' && step.object.kind === 'ConfigMap';
}

/** A deep copy of the observation. */
function asIs(seen: AppObservation): AppObservation {
  return structuredClone(seen);
}
