/** Invariants of each write to a Kubernetes object. `account-status.ts` has those of accounts. */
import { accountLabel, fieldManager, identityAnnotation, roleArnAnnotation } from '../../../src/api/index.ts';
import { taggedOwner } from '../../../src/identity/index.ts';
import { resources, type Lease } from '../../../src/kube/index.ts';
import type { Change } from '../api-server/change-log.ts';
import type { StoredObject } from '../api-server/stored-object.ts';
import { retryPeriodMs } from '../operator-process.ts';
import { driftIntervalMs } from '../simulation.ts';
import { createAccountChecks } from './account-status.ts';
import type { Context } from './context.ts';
import { hasEnv, podIdentityEnv, podSpec, roleEnv } from './identities.ts';
import { objectKey } from './recent-states.ts';

type DeploymentObject = StoredObject & {
  readonly spec: {
    readonly replicas?: number;
    readonly template: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
};

export function checkKubernetesWrites(context: Context): void {
  const { simulation, states } = context;
  const { server } = simulation;
  let isOperatorsWrite = false;
  simulation.onArrival((request) => {
    isOperatorsWrite = true;
    // The write is applied immediately, before this microtask and any other task run.
    queueMicrotask(() => (isOperatorsWrite = false));
    return checkRequest(context, request);
  });
  const checkAccount = createAccountChecks(context);
  server.onChange((resource, change) => {
    const key = objectKey(resource, change.object);
    // A restored object may contradict AWS. Only the operator's later writes are checked.
    if (server.isRestoring) {
      states.disturb(key);
      states.recordObject(resource, change);
      return;
    }
    switch (resource.plural) {
      case 'serviceaccounts':
        checkServiceAccount(context, change, key);
        break;
      case 'namespaces':
        states.disturb(key);
        break;
      case 'pods':
        if (change.type === 'ADDED') checkPod(context, change.object);
        break;
      case 'deployments':
        if (isOperatorsWrite) checkDeployment(context, change);
        break;
      case 'leases':
        if (context.leaseIsReached) checkTakeover(context, change);
        break;
      case 'linkedserviceaccounts':
        states.recordObject(resource, change);
        checkAccount(change, isOperatorsWrite);
        break;
      case 'quarantines':
      case 'clusterconfigs':
        states.recordObject(resource, change);
        break;
      default:
    }
  });
}

/** Only the leader writes. It changes and deletes only those ServiceAccounts that have the account's label. */
function checkRequest(
  { simulation: { server }, report }: Context,
  { what, process }: { readonly what: string; readonly process: string },
): (() => void) | undefined {
  const lease = server.get(resources.leases, 'konstellation', 'default')?.spec as Lease['spec'];
  if (lease && lease.holderIdentity !== process)
    report('not leading', `${what} by ${process}, while ${lease.holderIdentity} held the lease`);
  const [, verb, plural, key = ''] = what.split(' ');
  if (plural !== 'serviceaccounts' || verb === 'create') return undefined;
  const [namespace = '', name = ''] = key.split('/');
  const object = server.get(resources.serviceAccounts, name, namespace);
  const isForeign = object !== undefined && object.metadata.labels?.[accountLabel] !== name;
  return () => {
    if (isForeign) report('foreign ServiceAccount', `${what}, which lacks the label of the account`);
  };
}

/**
 * If a process has not renewed the lease, another process takes over within the lease duration plus one retry period.
 */
function checkTakeover({ simulation: { time }, report }: Context, { object, before }: Change): void {
  const lease: Lease = object;
  const earlier: Lease | undefined = before;
  const { holderIdentity, renewTime, leaseDurationSeconds = 0 } = earlier?.spec ?? {};
  if (!holderIdentity || !renewTime || holderIdentity === lease.spec?.holderIdentity) return;
  const tookMs = time.now() - Date.parse(renewTime);
  const mostMs = leaseDurationSeconds * 1000 + retryPeriodMs(leaseDurationSeconds * 1000);
  if (tookMs > mostMs)
    report('failover', `${lease.spec?.holderIdentity} took over ${tookMs} ms after the last renewal`);
}

/** A ServiceAccount gets the ARN of a role only after the role has the ownership tags of its account. */
function checkServiceAccount(
  { states, unawareMs, report }: Context,
  { type, object, before }: Change,
  key: string,
): void {
  const roleArn = object.metadata.annotations?.[roleArnAnnotation];
  if (type === 'DELETED') {
    states.disturb(key);
    return;
  }
  if (roleArn === before?.metadata.annotations?.[roleArnAnnotation]) return;
  const setter = object.metadata.managedFields?.find((entry) =>
    JSON.stringify(entry.fieldsV1 ?? {}).includes(`f:${roleArnAnnotation}`),
  )?.manager;
  if (setter !== fieldManager) {
    states.disturb(key);
    return;
  }
  const roles = states.roles(roleArn?.split('/').at(-1) ?? '', unawareMs + driftIntervalMs);
  if (!roles.some((role) => role && taggedOwner(role.tags)?.account === object.metadata.name))
    report('link before role', `${key} was annotated with ${roleArn}, which is not a role of the account`);
}

/** While the webhook runs, the pods of an App start with their identity. */
function checkPod({ simulation, states, report }: Context, pod: StoredObject): void {
  const { name, namespace, annotations } = pod.metadata;
  const { serviceAccountName = 'default' } = podSpec(pod);
  if (annotations?.[identityAnnotation] === undefined || hasEnv(pod, roleEnv, podIdentityEnv)) return;
  if (!simulation.workloads.webhookRuns) return;
  if (states.wasDisturbed(`serviceaccounts ${namespace}/${serviceAccountName}`)) return;
  report(
    'pod without identity',
    `${namespace}/${name} was created without the role of ${serviceAccountName}`,
  );
}

/** While the webhook would not give new pods their identity, the operator writes no Deployment that creates pods. */
function checkDeployment(
  { simulation: { workloads, time }, unawareMs, report }: Context,
  { type, object, before }: Change,
): void {
  const awaySince = workloads.webhookAwaySince ?? Infinity;
  if (type === 'DELETED' || awaySince > time.now() - unawareMs) return;
  const { replicas = 1, template } = (object as DeploymentObject).spec;
  const earlier = (before as DeploymentObject | undefined)?.spec;
  if (template.metadata?.annotations?.[identityAnnotation] === undefined || replicas === 0) return;
  const isSame = JSON.stringify(template) === JSON.stringify(earlier?.template);
  if (!isSame || replicas > (earlier?.replicas ?? 1))
    report(
      'pod without identity',
      `${objectKey(resources.deployments, object)} was written while no new pod got its identity`,
    );
}
