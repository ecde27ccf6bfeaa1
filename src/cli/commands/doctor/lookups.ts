/** Lazily cached reads that all checks of one round share. Only the server time is not cached. */
import { roleArnAnnotation } from '../../../api/labels.ts';
import type { AwsConnection } from '../../../aws/index.ts';
import { clusterState, effectiveConfig } from '../../../identity/index.ts';
import { resources, type KubeObject } from '../../../kube/index.ts';
import { awsOf, openAws } from '../../aws/session.ts';
import { listObjects } from '../../cluster/objects.ts';
import { listOperators } from '../../cluster/operator-deployment.ts';
import { once } from '../../cluster/session.ts';
import { issuerOf } from '../../installation/discover.ts';
import { listLeases, serverTime } from '../../cluster/operator-lease.ts';
import type { CliContext } from '../../framework/context.ts';
import { accountKind, clusterConfigKind } from '../../cluster/kinds.ts';

export type Lookups = ReturnType<typeof createLookups>;

export function createLookups(context: CliContext, operatorArn: string | undefined) {
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
  const operators = once(async () => listOperators(await client(), signal));
  return {
    env,
    now,
    signal,
    connection,
    client,
    configs,
    /** Effective ClusterConfig. */
    config,
    state: once(async () => clusterState(await configs())),
    accounts: once(async () => listObjects(await client(), accountKind)),
    /** Leases of operators in all namespaces. */
    leases: once(async () => listLeases(await client(), signal)),
    /** Time of the API server, or time of this machine if the server returns no time. */
    serverNow: async () => (await serverTime(await client(), signal)) ?? now(),
    /** Deployments of the operator. */
    operators,
    /** ServiceAccounts of the operator's Deployments, each with the role from its annotation, if any. */
    operatorAccounts: once(async () => {
      const kube = await client();
      return Promise.all(
        (await operators()).map(async ({ metadata, spec }) => {
          const namespace = metadata.namespace ?? '';
          const name = spec?.template?.spec?.serviceAccountName ?? 'default';
          const ref = { namespace, name };
          const account = await kube.get<KubeObject>(resources.serviceAccounts, ref, { signal });
          return { ...ref, roleArn: account.metadata.annotations?.[roleArnAnnotation] };
        }),
      );
    }),
    issuer: once(async () => issuerOf(await client(), signal)),
    region,
    aws,
    caller: once(async () => (await aws()).account.callerIdentity(signal)),
    roles: once(async () => (await aws()).roles.snapshot(signal)),
    /** ARN of the operator's role or user in IAM, from --operator-arn. */
    operatorArn,
    close: () => connections.forEach((opened) => opened.close()),
  };
}
