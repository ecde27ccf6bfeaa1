/** What the checks look at, each asked for once per round, when the first check needs it. Reads only. */
import type { App } from '../../../api/app.ts';
import { roleArnAnnotation } from '../../../api/labels.ts';
import type { ClusterConfig } from '../../../api/cluster-config.ts';
import type { LinkedServiceAccount } from '../../../api/linked-service-account.ts';
import type { AwsConnection } from '../../../aws/index.ts';
import {
  clusterState,
  effectiveConfig,
  type CallerIdentity,
  type ClusterState,
  type RoleSnapshot,
} from '../../../identity/index.ts';
import {
  resources,
  type Connection,
  type KubeClient,
  type KubeObject,
  type Lease,
} from '../../../kube/index.ts';
import { awsOf, openAws, type Aws } from '../../aws/session.ts';
import { listObjects } from '../../cluster/objects.ts';
import { listLeases, serverTime } from '../../cluster/operator-lease.ts';
import type { CliContext } from '../../framework/context.ts';
import { accountKind, appKind, clusterConfigKind } from '../../cluster/kinds.ts';
import type { Wall } from '../../../k8s/time.ts';

export type Deployment = KubeObject & {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: { readonly spec?: { readonly serviceAccountName?: string } };
  };
  readonly status?: { readonly readyReplicas?: number };
};

export type OperatorAccount = {
  readonly namespace: string;
  readonly name: string;
  readonly roleArn: string | undefined;
};

export type Lookups = {
  readonly env: CliContext['env'];
  readonly now: () => Wall;
  readonly signal: AbortSignal;
  readonly connection: () => Promise<Connection>;
  readonly client: () => Promise<KubeClient>;
  readonly configs: () => Promise<readonly ClusterConfig[]>;
  /** The one that counts. */
  readonly config: () => Promise<ClusterConfig | undefined>;
  readonly state: () => Promise<ClusterState>;
  readonly accounts: () => Promise<readonly LinkedServiceAccount[]>;
  readonly apps: () => Promise<readonly App[]>;
  /** The Leases by which operators take turns, in whatever namespace. */
  readonly leases: () => Promise<readonly Lease[]>;
  /** The API server's clock, or this machine's where the server does not give its own. */
  readonly serverNow: () => Promise<number>;
  /** Deployments of the operator. */
  readonly operators: () => Promise<readonly Deployment[]>;
  /** As what they run, and the role of the annotation, where there is one. */
  readonly operatorAccounts: () => Promise<readonly OperatorAccount[]>;
  readonly region: () => Promise<string>;
  readonly aws: () => Promise<Aws>;
  readonly caller: () => Promise<CallerIdentity>;
  readonly roles: () => Promise<RoleSnapshot>;
  /** The role or user that the operator is in IAM, as was told. */
  readonly operatorArn: string | undefined;
  readonly close: () => void;
};

/** By what a Deployment is known as the operator's. Source: Kubernetes, "Recommended Labels". */
export const operatorSelector = 'app.kubernetes.io/name=konstellation';

export function createLookups(context: CliContext, operatorArn: string | undefined): Lookups {
  const { env, now, signal, connection, connect: client } = context;
  const connections: AwsConnection[] = [];
  const configs = once(async () => listObjects(await client(), clusterConfigKind));
  const config = once(async () => effectiveConfig(await configs()));
  const region = once(async () => {
    const stated = (await config().catch(() => undefined))?.spec.aws.region;
    return stated ?? (env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || 'us-east-1');
  });
  const aws = once(async () => {
    const opened = openAws(context, await region());
    connections.push(opened);
    return awsOf(opened);
  });
  const operators = once(async () => {
    const list = await (
      await client()
    ).list<Deployment>(resources.deployments, { labelSelector: operatorSelector, signal });
    return list.items;
  });
  return {
    env,
    now,
    signal,
    connection,
    client,
    configs,
    config,
    state: once(async () => clusterState(await configs())),
    accounts: once(async () => listObjects(await client(), accountKind)),
    apps: once(async () => listObjects(await client(), appKind)),
    leases: once(async () => listLeases(await client(), signal)),
    serverNow: async () => (await serverTime(await client(), signal)) ?? now(),
    operators,
    operatorAccounts: once(async () => {
      const kube = await client();
      return Promise.all(
        (await operators()).map(async ({ metadata, spec }) => {
          const namespace = metadata.namespace ?? '';
          const name = spec?.template?.spec?.serviceAccountName ?? 'default';
          const account = await kube.get<KubeObject>(
            resources.serviceAccounts,
            { namespace, name },
            { signal },
          );
          return { namespace, name, roleArn: account.metadata.annotations?.[roleArnAnnotation] };
        }),
      );
    }),
    region,
    aws,
    caller: once(async () => (await aws()).account.callerIdentity(signal)),
    roles: once(async () => (await aws()).roles.snapshot(signal)),
    operatorArn,
    close: () => connections.forEach((opened) => opened.close()),
  };
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => (asked ??= ask());
}
