/** Random acts of users and other programs over several minutes, determined by a seed. */
import {
  apps,
  clusterConfigs,
  linkedServiceAccounts,
  type App,
  type AppSpec,
  type AppTarget,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { taggedOwner, type ObservedRole } from '../../src/identity/index.ts';
import { resources } from '../../src/kube/index.ts';
import {
  applyAccount,
  applyApp,
  clusterTargets,
  fullAccess,
  policies,
  quarantine,
  queue,
  readObjects,
  readOnly,
  redeploy,
  releaseWithPods,
  removeIfThere,
  sendMessages,
  type AccountSpec,
  type Act,
} from './acts.ts';
import type { Draws } from './random.ts';
import { policiesPerRole } from './simulated-aws.ts';
import { targets, type Simulation } from './simulation.ts';

export type Happening = {
  /** Time since the previous act, in milliseconds. */
  readonly afterMs: number;
  readonly words: string;
  readonly act: Act;
};

const accounts = ['a', 'b'];
/**
 * Time in milliseconds until the operator has finished its work: longer than the faults and the slowest retry together.
 */
const untilFinishedMs = 1_500_000;
/** Time limit for a deletion, in milliseconds. */
const untilDeletedMs = 3_000_000;
const listable = [readOnly, fullAccess, queue, ...policies(2)];

export function randomHappenings(draws: Draws): readonly Happening[] {
  const count = draws.between(3, 9);
  const happenings = Array.from({ length: count }, () => ({
    afterMs: randomGap(draws),
    ...randomAct(draws),
  }));
  const others = draws.fork('halt');
  const halted = others.chance(0.15)
    ? happenings.toSpliced(others.between(0, count), 0, ...halt(others))
    : happenings;
  const responders = draws.fork('quarantine');
  return responders.chance(0.2)
    ? halted.toSpliced(responders.between(0, halted.length), 0, ...incident(responders))
    : halted;
}

/**
 * An incident: an account is quarantined, its role is changed out of band or its spec is edited, and the quarantine is
 * ended.
 */
function incident(draws: Draws): readonly Happening[] {
  const name = draws.oneOf(accounts);
  const spec = randomSpec(draws);
  const [words, act] = draws.oneOf<readonly [string, Act]>([
    ['nothing happens', () => undefined],
    ['every role loses its policies', changeOurRoles((role) => ({ ...role, attachedPolicyArns: [] }))],
    ['every role gets a tag', changeOurRoles((role) => ({ ...role, tags: { ...role.tags, incident: '1' } }))],
    [`account ${name} is edited`, applyAccountIfThere(name, spec)],
  ]);
  return [
    { afterMs: randomGap(draws), words: `account ${name} is quarantined`, act: quarantine(name) },
    { afterMs: randomGap(draws), words, act },
    {
      afterMs: randomGap(draws),
      words: `account ${name} is released, and its pods from before are deleted`,
      act: releaseWithPods(name),
    },
  ];
}

const applyAccountIfThere =
  (name: string, spec: AccountSpec): Act =>
  async (simulation) => {
    if (simulation.server.get(linkedServiceAccounts, name)) await applyAccount(name, spec)(simulation);
  };

/** An invalid edit of the app, followed by a halt of the app. */
function halt(draws: Draws): readonly Happening[] {
  // Invalid on purpose: the app has no port for the Ingress.
  const ingress = { hosts: ['app.example.com'] };
  return [
    {
      afterMs: randomGap(draws),
      words: 'the app gets an Ingress, for which it has no ports',
      act: changeTargets((target) => ({ ...target, ingress })),
    },
    {
      afterMs: randomGap(draws),
      words: 'the app is halted as it is',
      act: changeTargets((target) => ({ ...target, deployMode: 'halt' })),
    },
  ];
}

/** Acts happen singly, in quick succession, or all at the same time. */
function randomGap(draws: Draws): number {
  const most = draws.weighted([
    [1, 0],
    [2, 500],
    [2, 5_000],
    [2, 30_000],
    [1, 120_000],
  ]);
  return draws.between(0, most);
}

export function randomSpec(draws: Draws): AccountSpec {
  const isTooLong = draws.chance(0.05);
  const policyArns = isTooLong ? policies(policiesPerRole + 1) : draws.someOf(listable, 1);
  return withStatements(draws, {
    ...(draws.chance(0.4) ? { targets: [...draws.someOf([...targets, 'nowhere'], 1)] } : {}),
    ...(draws.chance(0.1) ? { deletionPolicy: 'Retain' as const } : {}),
    aws: {
      policyArns: [...policyArns],
      ...(draws.chance(0.2) ? { identityMode: 'PodIdentity' as const } : {}),
      ...(draws.chance(0.2) ? { permissionsBoundaryArn: fullAccess } : {}),
      ...(draws.chance(0.2) ? { maxSessionDuration: draws.oneOf([7_200, 14_400]) } : {}),
      ...(draws.chance(0.2) ? { tags: { team: draws.oneOf(['x', 'y']) } } : {}),
    },
  });
}

/**
 * Adds statements to some of the specs that have a boundary. A forked generator is used, so that the later draws of a
 * seed are the same as without statements.
 */
function withStatements(draws: Draws, spec: AccountSpec): AccountSpec {
  if (spec.aws?.permissionsBoundaryArn === undefined) return spec;
  const statements = draws.fork(JSON.stringify(spec)).someOf([sendMessages, readObjects]);
  return { ...spec, aws: { ...spec.aws, statements: [...statements] } };
}

function randomApp(draws: Draws): Partial<AppSpec> {
  const account = draws.oneOf([...accounts, undefined]);
  return {
    image: draws.oneOf(['nginx', 'redis']),
    ...(account === undefined ? {} : { serviceAccount: account }),
    targets: draws
      .someOf(targets, 1)
      .map((name) => ({ name, deployMode: draws.chance(0.1) ? ('halt' as const) : ('latest' as const) })),
  };
}

function randomAct(draws: Draws): { readonly words: string; readonly act: Act } {
  const name = draws.oneOf(accounts);
  const target = draws.oneOf(targets);
  const said = (value: unknown): string => JSON.stringify(value).replaceAll(/arn:aws:iam::\w+:policy\//g, '');
  const kind = draws.weighted([
    [8, 'account'],
    [2, 'account goes'],
    [5, 'app'],
    [1, 'app goes'],
    [3, 'role changed'],
    [1, 'role deleted'],
    [1, 'link stripped'],
    [1, 'link deleted'],
    [1, 'namespace deleted'],
    [1, 'webhook down'],
    [1, 'policy unknown'],
    [1, 'cluster edited'],
  ] as const);
  switch (kind) {
    case 'account': {
      const spec = randomSpec(draws);
      return { words: `account ${name}: ${said(spec)}`, act: applyAccountInTurn(name, spec) };
    }
    case 'account goes': {
      const letGoAfterMs = draws.between(0, 20_000);
      return {
        words: `account ${name} is deleted, and ${letGoAfterMs} ms later let go by the app`,
        act: removeAccount(name, letGoAfterMs),
      };
    }
    case 'app': {
      const spec = randomApp(draws);
      return { words: `app: ${said(spec)}`, act: applyAppInTurn(spec) };
    }
    case 'app goes':
      return { words: 'the app is deleted', act: removeIfThere(apps, 'app') };
    case 'role changed': {
      const [words, change] = draws.oneOf<readonly [string, (role: ObservedRole) => ObservedRole]>([
        ['loses its policies', (role) => ({ ...role, attachedPolicyArns: [] })],
        ['gets a policy', (role) => ({ ...role, attachedPolicyArns: [policies(3)[2] ?? ''] })],
        ['trusts nobody', (role) => ({ ...role, trustPolicy: '{"Version":"2012-10-17","Statement":[]}' })],
        ['gets another boundary', (role) => ({ ...role, permissionsBoundaryArn: queue })],
        ['gets a tag', (role) => ({ ...role, tags: { ...role.tags, by: 'hand' } })],
      ]);
      return { words: `every role ${words}`, act: changeOurRoles(change) };
    }
    case 'role deleted':
      return { words: 'every role is deleted', act: changeOurRoles(() => undefined) };
    case 'link stripped':
      return {
        words: `the annotation of ${target}/${name} is stripped`,
        act: async ({ server }) => {
          const ref = { namespace: target, name };
          const metadata = { annotations: { 'eks.amazonaws.com/role-arn': null } };
          if (server.get(resources.serviceAccounts, name, target))
            await server.client.patch(resources.serviceAccounts, ref, { metadata }, { type: 'merge' });
        },
      };
    case 'link deleted':
      return {
        words: `the ServiceAccount ${target}/${name} is deleted`,
        act: removeIfThere(resources.serviceAccounts, name, target),
      };
    case 'namespace deleted':
      return {
        words: `the namespace ${target} is deleted`,
        act: removeIfThere(resources.namespaces, target),
      };
    case 'webhook down': {
      const forMs = draws.between(1_000, 40_000);
      return {
        words: `the webhook does not answer for ${forMs} ms`,
        act: ({ workloads, time }) => {
          workloads.webhookRuns = false;
          time.setTimer(() => (workloads.webhookRuns = true), forMs);
        },
      };
    }
    case 'policy unknown': {
      const arn = draws.oneOf(listable);
      return {
        words: `nobody knows the policy ${said(arn)}`,
        act: ({ aws }) => void aws.missingPolicies.add(arn),
      };
    }
    case 'cluster edited': {
      const allowed = draws.chance(0.5) ? undefined : [...draws.someOf(listable, 2)];
      const wanted = draws.chance(0.5) ? targets : [...draws.someOf(targets, 1)];
      return {
        words: `the cluster has the targets ${wanted.join(', ')} and allows ${said(allowed ?? 'everything')}`,
        act: async ({ server }) => {
          const config = await server.client.get<ClusterConfig>(clusterConfigs, { name: 'simulated' });
          const { allowedPolicyArns: _, ...aws } = config.spec.aws;
          const spec = {
            ...config.spec,
            targets: wanted,
            aws: { ...aws, ...(allowed ? { allowedPolicyArns: allowed } : {}) },
          };
          await server.client.update(clusterConfigs, { ...config, spec });
        },
      };
    }
  }
}

function isBeingDeleted(server: Simulation['server'], account: string): boolean {
  return server.get(linkedServiceAccounts, account)?.metadata.deletionTimestamp !== undefined;
}

/** Whether the account has, or will get, an identity in every target of the app. */
function isToBeHad(server: Simulation['server'], { spec }: App): boolean {
  const account = server.get(linkedServiceAccounts, spec.serviceAccount ?? '') as unknown as
    | LinkedServiceAccount
    | undefined;
  if (!account || account.metadata.deletionTimestamp !== undefined) return false;
  return spec.targets.every(({ name }) => account.spec.targets?.includes(name) ?? true);
}

/**
 * Applies an app. If the app newly names an account that is being deleted, the app is applied only after the end of the
 * deletion. Otherwise, the result would depend on the operator's progress.
 */
const applyAppInTurn =
  (spec: Partial<AppSpec>): Act =>
  async (simulation) => {
    const { server, time } = simulation;
    const { serviceAccount = '' } = spec;
    const names = (server.get(apps, 'app') as unknown as App | undefined)?.spec.serviceAccount;
    if (names !== serviceAccount)
      await time.pass(untilFinishedMs, () => !isBeingDeleted(server, serviceAccount));
    await applyApp('app', spec)(simulation);
  };

/**
 * Applies an account after its predecessor has been deleted. The deletion can be blocked by pods whose namespace is no
 * longer a target, or whose app cannot be deployed. Whether such pods exist depends on the operator's progress: a
 * slower operator has never deployed them. So if the deletion is blocked, this act makes the operator remove such pods
 * until the deletion has ended.
 */
export const applyAccountInTurn =
  (name: string, spec: AccountSpec): Act =>
  async (simulation) => {
    const { server, time } = simulation;
    const isDeleted = (): boolean => !isBeingDeleted(server, name);
    if (!(await time.pass(untilDeletedMs, isDeleted))) {
      const config = await server.client.get<ClusterConfig>(clusterConfigs, { name: 'simulated' });
      const app = server.get(apps, 'app') as unknown as App | undefined;
      await clusterTargets(...targets)(simulation);
      if (app) {
        const deployable = { image: app.spec.image, targets: app.spec.targets.map(withoutIngress) };
        await redeploy('app', deployable)(simulation);
      }
      if (!(await time.pass(untilDeletedMs, isDeleted)))
        throw new Error(`account ${name} is still being deleted, and no app uses it`);
      await clusterTargets(...config.spec.targets)(simulation);
      if (app) await redeploy('app', app.spec)(simulation);
    }
    await applyAccount(name, spec)(simulation);
  };

/**
 * Deletes an account, and later removes the account from the app that uses it. If the deletion retains the role, this
 * act first waits until the account is in sync, because otherwise the result would depend on the operator's progress.
 * The app drops the account, because otherwise the app's pods would decide whether the deletion ever ends. If the app
 * by then names another account that does not exist, the app drops that account too, because a missing account would
 * also keep the pods.
 */
const removeAccount =
  (name: string, letGoAfterMs: number): Act =>
  async (simulation) => {
    const { server, time } = simulation;
    const account = server.get(linkedServiceAccounts, name) as LinkedServiceAccount | undefined;
    if (account?.spec.deletionPolicy === 'Retain') await time.pass(untilFinishedMs);
    await removeIfThere(linkedServiceAccounts, name)(simulation);
    await time.pass(letGoAfterMs);
    const app = server.get(apps, 'app') as unknown as App | undefined;
    if (!app || isToBeHad(server, app)) return;
    const { serviceAccount: _, ...spec } = app.spec;
    await server.client.update(apps, { ...app, spec });
  };

/**
 * Changes only the roles of accounts that are not being deleted: the result for other roles would depend on the
 * operator's progress.
 */
const changeOurRoles =
  (to: (role: ObservedRole) => ObservedRole | undefined): Act =>
  ({ aws, server }) => {
    for (const [name, role] of aws.roles) {
      const account = server.get(linkedServiceAccounts, taggedOwner(role.tags)?.account ?? '');
      if (account && account.metadata.deletionTimestamp === undefined)
        aws.change(name, (present) => present && to(present));
    }
  };

/** Changes the targets of the app, as `kon app halt` does, and leaves the rest of the spec unchanged. */
const changeTargets =
  (change: (target: AppTarget) => AppTarget): Act =>
  async ({ server }) => {
    const app = server.get(apps, 'app') as unknown as App | undefined;
    if (app)
      await server.client.update(apps, {
        ...app,
        spec: { ...app.spec, targets: app.spec.targets.map(change) },
      });
  };

/**
 * Removes the target's Ingress, because an Ingress blocks the deployment of the target if the app has no port for it.
 */
function withoutIngress({ ingress: _, ...target }: AppTarget): AppTarget {
  return target;
}

/**
 * Removes blockers and corrects invalid specs. While something is blocked, the state depends on how far the operator
 * had got before; afterwards the state depends only on the specs.
 */
export const everythingRepaired: Act = async ({ aws, server, workloads }) => {
  aws.missingPolicies.clear();
  workloads.webhookRuns = true;
  for (const [name, role] of aws.roles) if (!taggedOwner(role.tags)) aws.change(name, () => undefined);

  const config = await server.client.get<ClusterConfig>(clusterConfigs, { name: 'simulated' });
  const { allowedPolicyArns: _, ...clusterAws } = config.spec.aws;
  await server.client.update(clusterConfigs, {
    ...config,
    spec: { ...config.spec, targets, aws: clusterAws },
  });

  for (const object of server.list(linkedServiceAccounts)) {
    const account = object as unknown as LinkedServiceAccount;
    const { targets: __, ...spec } = account.spec;
    // Removes the identity mode. Otherwise, the end state would depend on whether an association was ever proven, and
    // thus on when pods existed.
    const { identityMode: ___, ...aws } = spec.aws;
    const policyArns = (aws.policyArns ?? []).slice(0, policiesPerRole);
    await server.client.update(linkedServiceAccounts, {
      ...account,
      spec: { ...spec, aws: { ...aws, policyArns } },
    });
  }
  for (const object of server.list(apps)) {
    const app = object as unknown as App;
    const { serviceAccount, ...spec } = app.spec;
    const account = serviceAccount && server.get(linkedServiceAccounts, serviceAccount);
    const isNotToBeHad = !account || account.metadata.deletionTimestamp !== undefined;
    await server.client.update(apps, {
      ...app,
      spec: {
        ...spec,
        ...(isNotToBeHad ? {} : { serviceAccount }),
        // No target stays halted, because the replica count that a halt stores in an annotation depends on whether the
        // target already had replicas.
        targets: spec.targets.map((target) => ({ ...withoutIngress(target), deployMode: 'latest' })),
      },
    });
  }
};
