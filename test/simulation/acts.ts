/** What people and others do to accounts, apps and roles. */
import {
  apps,
  clusterConfigs,
  linkedServiceAccounts,
  type AppSpec,
  type IdentityMode,
  type LinkedServiceAccountSpec,
} from '../../src/api/index.ts';
import type { ObservedRole } from '../../src/identity/index.ts';
import type { KubeObject } from '../../src/kube/index.ts';
import type { Simulation } from './simulation.ts';

export type Act = (simulation: Simulation) => Promise<void> | void;

export const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
export const fullAccess = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';
export const queue = 'arn:aws:iam::aws:policy/AmazonSQSFullAccess';

export type AccountSpec = Partial<Omit<LinkedServiceAccountSpec, 'aws'>> & {
  aws?: Partial<LinkedServiceAccountSpec['aws']>;
};

const accountObject = (name: string, { aws, ...spec }: AccountSpec): KubeObject =>
  ({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: { deletionPolicy: 'Delete', ...spec, aws: { policyArns: [readOnly], ...aws } },
  }) as KubeObject;

export const create =
  (name: string, spec: AccountSpec = {}) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.create(linkedServiceAccounts, accountObject(name, spec));
  };

/** A person's edit of the spec, as `kubectl edit` writes it. */
export const edit =
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

export const clusterMode =
  (identityMode: IdentityMode) =>
  async ({ server }: Simulation): Promise<void> => {
    const change = { spec: { aws: { identityMode } } };
    await server.client.patch(clusterConfigs, { name: 'simulated' }, change, { type: 'merge' });
  };

export const remove =
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

export const deploy =
  (name: string, spec: Partial<AppSpec> = {}) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.create(apps, appObject(name, spec));
  };

export const redeploy =
  (name: string, spec: Partial<AppSpec>) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.update(
      apps,
      await withSpec(server, apps, name, (appObject(name, spec) as unknown as { spec: object }).spec),
    );
  };

export const takeDown =
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

export const foreignRole = (name: string): ObservedRole => ({
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

export const put =
  (role: ObservedRole) =>
  ({ aws }: Simulation): void =>
    aws.change(role.name, () => role);
