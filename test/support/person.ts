/** Actions of a user on accounts and apps through the Kubernetes API, and states that users wait for. */
import {
  apiVersion,
  apps,
  linkedServiceAccounts,
  roleArnAnnotation,
  type App,
  type AppSpec,
  type IdentityMode,
  type LinkedServiceAccount,
  type LinkedServiceAccountSpec,
  type TargetStatus,
} from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { isNotFound, resources, type KubeClient, type KubeObject } from '../../src/kube/index.ts';
import { awaitObjects } from '../../sandbox/src/tour/await-object.ts';

export const policies = {
  readOnly: 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess',
  fullAccess: 'arn:aws:iam::aws:policy/AmazonS3FullAccess',
  queues: 'arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess',
} as const;

export type Pod = KubeObject & {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly containers: readonly {
      readonly name: string;
      readonly image?: string;
      readonly env?: readonly { readonly name: string; readonly value?: string }[];
    }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
};

type AccountWish = Partial<Omit<LinkedServiceAccountSpec, 'aws'>> & {
  readonly policyArns?: readonly string[];
  readonly identityMode?: IdentityMode;
};

export type Person = {
  createAccount(name: string, wish?: AccountWish): Promise<LinkedServiceAccount>;
  /** Replaces the account's policies. */
  editPolicies(name: string, policyArns: readonly string[]): Promise<LinkedServiceAccount>;
  deleteAccount(name: string): Promise<void>;
  /** Waits until the status for the present spec satisfies `until`, and returns the result of `until`. */
  untilAccount<R>(
    name: string,
    what: string,
    until: (account: LinkedServiceAccount) => R | undefined,
  ): Promise<R>;
  untilReady(name: string): Promise<LinkedServiceAccount>;
  /** Waits until the target's row has this reason, and returns the row. */
  untilRow(account: string, target: string, reason: string): Promise<TargetStatus>;
  untilAccountGone(name: string): Promise<void>;
  createApp(name: string, spec?: Partial<AppSpec>): Promise<App>;
  editApp(name: string, change: Readonly<Record<string, unknown>>): Promise<App>;
  untilApp<R>(name: string, what: string, until: (app: App) => R | undefined): Promise<R>;
  untilAppReady(name: string): Promise<App>;
  /** Waits until all pods of the target are ready and satisfy `fits`, and returns them. */
  untilPods(app: string, target: string, what: string, fits: (pod: Pod) => boolean): Promise<readonly Pod[]>;
  pods(app: string, target: string): Promise<readonly Pod[]>;
  /** Returns the revision of the target's Deployment; 0 before the first deployment. */
  revision(app: string, target: string): Promise<number>;
  serviceAccount(target: string, name: string): Promise<KubeObject | undefined>;
};

export function createPerson(client: KubeClient): Person {
  const never = new AbortController().signal;
  const isSeen = (object: LinkedServiceAccount | App): boolean =>
    findCondition(object.status?.conditions, 'Ready')?.observedGeneration === object.metadata.generation;

  const untilAccount = <R>(
    name: string,
    what: string,
    until: (account: LinkedServiceAccount) => R | undefined,
  ): Promise<R> =>
    awaitObjects<LinkedServiceAccount, R>(
      client,
      linkedServiceAccounts,
      { fieldSelector: `metadata.name=${name}` },
      `account ${name}: ${what}`,
      ([account]) => (account && isSeen(account) ? until(account) : undefined),
      never,
    );
  const untilApp = <R>(name: string, what: string, until: (app: App) => R | undefined): Promise<R> =>
    awaitObjects<App, R>(
      client,
      apps,
      { fieldSelector: `metadata.name=${name}` },
      `app ${name}: ${what}`,
      ([app]) => (app && isSeen(app) ? until(app) : undefined),
      never,
    );
  const selection = (app: string, namespace: string): { namespace: string; labelSelector: string } => ({
    namespace,
    labelSelector: `k11n.dev/app=${app}`,
  });
  const edit = { type: 'merge', fieldManager: 'test' } as const;

  return {
    createAccount: (name, { policyArns = [policies.readOnly], identityMode, ...spec } = {}) =>
      client.create<LinkedServiceAccount>(
        linkedServiceAccounts,
        {
          apiVersion,
          kind: 'LinkedServiceAccount',
          metadata: { name },
          spec: {
            deletionPolicy: 'Delete',
            targets: ['production', 'staging'],
            ...spec,
            aws: { policyArns: [...policyArns], ...(identityMode ? { identityMode } : {}) },
          },
        },
        { fieldManager: 'test' },
      ),
    editPolicies: (name, policyArns) =>
      client.patch(linkedServiceAccounts, { name }, { spec: { aws: { policyArns } } }, edit),
    deleteAccount: (name) => client.delete(linkedServiceAccounts, { name }),
    untilAccount,
    untilReady: (name) =>
      untilAccount(name, 'Ready', (account) =>
        findCondition(account.status?.conditions, 'Ready')?.status === 'True' ? account : undefined,
      ),
    untilRow: (name, target, reason) =>
      untilAccount(name, `${reason} in ${target}`, (account) =>
        account.status?.targets?.find((row) => row.name === target && row.reason === reason),
      ),
    untilAccountGone: async (name) => {
      await awaitObjects<LinkedServiceAccount, true>(
        client,
        linkedServiceAccounts,
        { fieldSelector: `metadata.name=${name}` },
        `account ${name} to be gone`,
        (found) => (found.length === 0 ? true : undefined),
        never,
      );
    },
    createApp: (name, spec = {}) =>
      client.create<App>(
        apps,
        {
          apiVersion,
          kind: 'App',
          metadata: { name },
          spec: {
            image: 'registry.k8s.io/pause',
            imageTag: '3.10',
            targets: ['production', 'staging'].map((target) => ({ name: target, deployMode: 'latest' })),
            ...spec,
          },
        },
        { fieldManager: 'test' },
      ),
    editApp: (name, change) => client.patch(apps, { name }, { spec: change }, edit),
    untilApp,
    untilAppReady: (name) =>
      untilApp(name, 'Ready', (app) =>
        findCondition(app.status?.conditions, 'Ready')?.status === 'True' ? app : undefined,
      ),
    untilPods: (app, target, what, fits) =>
      awaitObjects<Pod, readonly Pod[]>(
        client,
        resources.pods,
        selection(app, target),
        `pods of ${app} in ${target}: ${what}`,
        (pods) =>
          pods.length > 0 &&
          pods.every((pod) => pod.metadata.deletionTimestamp === undefined && isReady(pod) && fits(pod))
            ? pods
            : undefined,
        never,
      ),
    pods: async (app, target) => (await client.list<Pod>(resources.pods, selection(app, target))).items,
    revision: async (name, namespace) => {
      const [deployment] = (
        await client.list<KubeObject>(resources.deployments, {
          namespace,
          fieldSelector: `metadata.name=${name}`,
        })
      ).items;
      return Number(deployment?.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
    },
    serviceAccount: async (namespace, name) => {
      try {
        return await client.get<KubeObject>(resources.serviceAccounts, { namespace, name });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
  };
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((entry) => entry.type === 'Ready' && entry.status === 'True') ?? false;
}

/** Returns the role that the webhook assigned to the pod. */
export function roleOf(pod: Pod): string | undefined {
  return pod.spec.containers[0]?.env?.find((entry) => entry.name === 'AWS_ROLE_ARN')?.value;
}

export function uidsOf(objects: readonly KubeObject[]): readonly string[] {
  return objects.map((object) => object.metadata.uid ?? '').sort();
}

export function roleArnOf(serviceAccount: KubeObject | undefined): string | undefined {
  return serviceAccount?.metadata.annotations?.[roleArnAnnotation];
}
