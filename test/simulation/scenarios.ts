/** What people do to accounts and apps: each scenario a few acts, with time in between for the operator to follow. */
import {
  apps,
  linkedServiceAccounts,
  type AppSpec,
  type LinkedServiceAccountSpec,
} from '../../src/api/index.ts';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import type { ObservedRole } from '../../src/identity/index.ts';
import { watchOver, type Monitor } from './monitor.ts';
import { startSimulation, type Simulation, type Weather } from './simulation.ts';

export type Scenario = {
  readonly name: string;
  readonly acts: readonly ((simulation: Simulation) => Promise<void> | void)[];
};

export const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const fullAccess = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';
const queue = 'arn:aws:iam::aws:policy/AmazonSQSFullAccess';

type AccountSpec = Partial<Omit<LinkedServiceAccountSpec, 'aws'>> & {
  aws?: Partial<LinkedServiceAccountSpec['aws']>;
};

const accountObject = (name: string, { aws, ...spec }: AccountSpec): KubeObject =>
  ({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: { deletionPolicy: 'Delete', ...spec, aws: { policyArns: [readOnly], ...aws } },
  }) as KubeObject;

const create =
  (name: string, spec: AccountSpec = {}) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.create(linkedServiceAccounts, accountObject(name, spec));
  };

/** A person's edit of the spec, as `kubectl edit` writes it. */
const edit =
  (name: string, spec: AccountSpec) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.update(
      linkedServiceAccounts,
      await withSpec(
        server,
        linkedServiceAccounts,
        name,
        (accountObject(name, spec) as unknown as { spec: object }).spec,
      ),
    );
  };

const remove =
  (name: string) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.delete(linkedServiceAccounts, { name });
  };

const appObject = (name: string, spec: Partial<AppSpec>): KubeObject =>
  ({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'App',
    metadata: { name },
    spec: { image: 'nginx', targets: [{ name: 'production', deployMode: 'latest' }], ...spec },
  }) as KubeObject;

const deploy =
  (name: string, spec: Partial<AppSpec> = {}) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.create(apps, appObject(name, spec));
  };

const redeploy =
  (name: string, spec: Partial<AppSpec>) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.update(
      apps,
      await withSpec(server, apps, name, (appObject(name, spec) as unknown as { spec: object }).spec),
    );
  };

const takeDown =
  (name: string) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.delete(apps, { name });
  };

async function withSpec(
  server: Simulation['server'],
  resource: typeof apps | typeof linkedServiceAccounts,
  name: string,
  spec: object,
): Promise<KubeObject> {
  return { ...(await server.client.get<KubeObject>(resource, { name })), spec } as KubeObject;
}

const foreignRole = (name: string): ObservedRole => ({
  name,
  arn: `arn:aws:iam::123456789012:role/${name}`,
  id: 'AROATHEIRS',
  path: '/',
  trustPolicy: '{"Version":"2012-10-17","Statement":[]}',
  attachedPolicyArns: [fullAccess],
  inlinePolicyNames: [],
  permissionsBoundaryArn: readOnly,
  maxSessionDuration: 7200,
  tags: { team: 'payments' },
});

const put =
  (role: ObservedRole) =>
  ({ aws }: Simulation): void =>
    aws.change(role.name, () => role);

export const scenarios: readonly Scenario[] = [
  { name: 'an account is created', acts: [create('a')] },
  {
    name: 'two accounts are created at once',
    acts: [
      async (simulation) =>
        void (await Promise.all([
          create('a')(simulation),
          create('b', { aws: { policyArns: [queue] } })(simulation),
        ])),
    ],
  },
  {
    name: 'policies are edited',
    acts: [
      create('a', { aws: { policyArns: [readOnly, queue] } }),
      edit('a', { aws: { policyArns: [fullAccess, queue] } }),
    ],
  },
  {
    name: 'a policy does not exist, then is corrected',
    acts: [
      ({ aws }) => void aws.missingPolicies.add(fullAccess),
      create('a', { aws: { policyArns: [readOnly, fullAccess] } }),
      edit('a', { aws: { policyArns: [readOnly] } }),
    ],
  },
  {
    name: 'a target is added',
    acts: [create('a', { targets: ['production'] }), edit('a', { targets: ['production', 'staging'] })],
  },
  { name: 'a target is removed', acts: [create('a'), edit('a', { targets: ['staging'] })] },
  {
    name: 'boundary, session length and tags come and go',
    acts: [
      create('a', {
        aws: { permissionsBoundaryArn: fullAccess, maxSessionDuration: 7200, tags: { team: 'x' } },
      }),
      edit('a', {}),
    ],
  },
  {
    name: 'a role is adopted and given back',
    acts: [
      put(foreignRole('theirs')),
      create('a', { aws: { roleName: 'theirs', adopt: true } }),
      remove('a'),
    ],
  },
  {
    name: 'a foreign role is at the name',
    acts: [put(foreignRole('theirs')), create('a', { aws: { roleName: 'theirs' } }), remove('a')],
  },
  {
    name: 'an account is deleted',
    acts: [create('a', { aws: { policyArns: [readOnly, queue] } }), remove('a')],
  },
  {
    name: 'an account is deleted with Retain',
    acts: [create('a', { deletionPolicy: 'Retain' }), remove('a')],
  },
  {
    name: 'an account is made again under the same name',
    acts: [
      create('a'),
      async (simulation) => {
        await remove('a')(simulation);
        await simulation.time.pass(300_000, () => !simulation.server.get(linkedServiceAccounts, 'a'));
        await create('a', { aws: { policyArns: [queue] } })(simulation);
      },
    ],
  },
  {
    name: 'an app gains its account',
    acts: [create('a'), deploy('app'), redeploy('app', { serviceAccount: 'a' })],
  },
  { name: 'an app is there before its account', acts: [deploy('app', { serviceAccount: 'a' }), create('a')] },
  {
    name: 'an app changes its account',
    acts: [
      create('a'),
      create('b', { aws: { policyArns: [queue] } }),
      deploy('app', { serviceAccount: 'a' }),
      redeploy('app', { serviceAccount: 'b' }),
    ],
  },
  {
    name: 'an app loses its account, which is deleted meanwhile',
    acts: [create('a'), deploy('app', { serviceAccount: 'a' }), remove('a'), redeploy('app', {})],
  },
  {
    name: 'an app on two targets goes',
    acts: [
      create('a'),
      deploy('app', {
        serviceAccount: 'a',
        targets: [
          { name: 'production', deployMode: 'latest' },
          { name: 'staging', deployMode: 'latest' },
        ],
      }),
      takeDown('app'),
    ],
  },
  {
    name: 'a policy is detached and a trust policy broken behind our back',
    acts: [
      create('a'),
      ({ aws }) => {
        for (const name of aws.roles.keys())
          aws.change(
            name,
            (role) =>
              role && {
                ...role,
                attachedPolicyArns: [],
                trustPolicy: '{"Version":"2012-10-17","Statement":[]}',
              },
          );
      },
    ],
  },
  {
    name: 'a role is deleted behind our back',
    acts: [
      create('a'),
      ({ aws }) => {
        for (const name of aws.roles.keys()) aws.change(name, () => undefined);
      },
    ],
  },
  {
    name: 'the annotation of a link is stripped',
    acts: [
      create('a'),
      async ({ server }) => {
        await server.client.patch(
          resources.serviceAccounts,
          { namespace: 'production', name: 'a' },
          { metadata: { annotations: { 'eks.amazonaws.com/role-arn': null } } },
          { type: 'merge' },
        );
      },
    ],
  },
];

/** Time for the operator to follow an act, and to come to rest after the last one: longer than the slowest retry. Milliseconds. */
const betweenActsMs = 240_000;
const untilRestMs = 900_000;
/** How long the operator may take to act on what it sees, where nothing holds it up. */
const promptMs = 5_000;

export type Performed = { readonly simulation: Simulation; readonly monitor: Monitor };

/** @param lagMs what the watches of the weather lag by at most */
export async function perform(scenario: Scenario, weather: Weather = {}, lagMs = 0): Promise<Performed> {
  let monitor: Monitor | undefined;
  const simulation = await startSimulation({
    weather,
    prepare: async (prepared) => {
      monitor = watchOver(prepared, { unawareMs: promptMs + lagMs });
    },
  });
  await simulation.time.pass(5_000 + 4 * lagMs);
  for (const act of scenario.acts) {
    await act(simulation);
    await simulation.time.pass(betweenActsMs);
  }
  await simulation.time.pass(untilRestMs);
  if (!monitor) throw new Error('the simulation was not watched over');
  return { simulation, monitor };
}
