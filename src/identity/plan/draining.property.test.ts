/** Whatever people do to targets, and wherever the operator is killed: a running pod that was served is served until it ends. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { IdentityMode } from '../../api/index.ts';
import { planAccount } from './account.ts';
import {
  applyStep,
  createWorld,
  edit,
  facts,
  isServed,
  makePod,
  observe,
  readUnreadAssociation,
  restart,
  settle,
  resync,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';

const targets = ['production', 'staging', 'canary'];

type Happening =
  | { readonly is: 'accountTargets' | 'clusterTargets'; readonly targets: readonly string[] }
  | {
      readonly is: 'podMade' | 'podsEnded' | 'terminating';
      readonly target: string;
    }
  | { readonly is: 'restart' | 'list' }
  | { readonly is: 'work'; readonly steps: number; readonly killed: boolean };

const target = fc.constantFrom(...targets);

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      is: fc.constant('work' as const),
      steps: fc.integer({ min: 0, max: 15 }),
      killed: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ is: fc.constant('podMade' as const), target }) },
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constantFrom('accountTargets' as const, 'clusterTargets' as const),
      targets: fc.subarray(targets),
    }),
  },
  fc.record({ is: fc.constantFrom('podsEnded' as const, 'terminating' as const), target }),
  fc.record({ is: fc.constantFrom('restart' as const, 'list' as const) }),
);

function startAnew(world: SimulatedWorld): void {
  world.cachedRoles.clear();
  world.cachedAssociations.clear();
  world.failures.clear();
  world.lastSynced.clear();
  restart(world);
  resync(world);
}

function work(world: SimulatedWorld, steps: number, killed: boolean): void {
  for (let left = steps; left > 0;) {
    const plan = planAccount(observe(world));
    world.account = { ...world.account, status: plan.status };
    if (plan.steps.length === 0) {
      for (const aim of plan.lastSynced) world.lastSynced.set(aim.spec.name, aim);
      return;
    }
    for (const step of plan.steps) {
      left -= 1;
      applyStep(world, step);
      if (left <= 0) break;
    }
  }
  if (killed) startAnew(world);
}

function happen(world: SimulatedWorld, what: Happening): void {
  switch (what.is) {
    case 'accountTargets':
      return edit(world, { targets: [...what.targets] });
    case 'clusterTargets':
      world.facts = { ...world.facts, targets: [...what.targets] };
      return;
    case 'podMade':
      return makePod(world, what.target);
    case 'podsEnded': {
      const namespace = world.namespaces.get(what.target);
      if (namespace) namespace.pods = [];
      return;
    }
    case 'terminating': {
      const namespace = world.namespaces.get(what.target);
      if (namespace) namespace.state = 'terminating';
      return;
    }
    case 'restart':
      return startAnew(world);
    case 'list':
      resync(world);
      return readUnreadAssociation(world);
    case 'work':
      return work(world, what.steps, what.killed);
  }
}

function servedPods(world: SimulatedWorld): Map<string, string> {
  const served = new Map<string, string>();
  for (const [name, { pods = [] }] of world.namespaces)
    for (const pod of pods) if (isServed(world, name, pod)) served.set(pod.name, name);
  return served;
}

it.each(['IRSA', 'PodIdentity'] as readonly IdentityMode[])(
  'with %s no running pod that was served loses its access, and what is unlinked is shut out once its pods have ended',
  (identityMode) => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 16 }), (story) => {
        const world = createWorld();
        world.facts = { ...facts, targets, identityMode };
        for (const name of targets) world.namespaces.set(name, { state: 'present', users: [] });
        settle(world);
        let served = servedPods(world);
        for (const what of story) {
          happen(world, what);
          const running = new Set([...world.namespaces.values()].flatMap(({ pods = [] }) => pods));
          for (const [pod, name] of served) {
            const still = [...running].find((each) => each.name === pod);
            if (still) expect([pod, isServed(world, name, still)]).toEqual([pod, true]);
          }
          served = new Map([...served, ...servedPods(world)]);
        }
        for (const namespace of world.namespaces.values()) namespace.pods = [];
        world.now += 600_000;
        resync(world);
        readUnreadAssociation(world);
        settle(world);
        const wanted = (world.account.spec.targets ?? world.facts.targets).filter(
          (name) => world.facts.targets.includes(name) && world.namespaces.get(name)?.state === 'present',
        );
        const [role] = world.roles.values();
        for (const name of targets)
          if (!wanted.includes(name)) expect(role?.trustPolicy).not.toMatch(new RegExp(`[:"]${name}[:"]`));
        expect(planAccount(observe(world)).steps).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  },
  300_000,
);
