/** State that has to be equal at the end of every run: everything except uids, versions and times. */
import {
  apps,
  linkedServiceAccounts,
  managedByLabel,
  managedByValue,
  type App,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import type { Condition } from '../../src/k8s/conditions.ts';
import { closedSince, taggedOwner, type ObservedRole } from '../../src/identity/index.ts';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import { isRecord } from './api-server/json.ts';
import type { StoredObject } from './api-server/stored-object.ts';
import type { Simulation } from './simulation.ts';

export type EndState = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const kindsOfApps = [
  resources.configMaps,
  resources.deployments,
  resources.services,
  resources.podDisruptionBudgets,
  resources.horizontalPodAutoscalers,
  resources.ingresses,
];

export function endState({ server, aws }: Simulation): EndState {
  const named = <T>(
    objects: readonly StoredObject[],
    tell: (object: StoredObject) => T,
  ): Readonly<Record<string, T>> =>
    Object.fromEntries(
      objects.map((object) => [nameOf(object), tell(object)] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  return {
    roles: Object.fromEntries(
      [...aws.roles.values()]
        .map(({ id: _, tags, attachedPolicyArns, ...role }) => [
          role.name,
          {
            ...role,
            attachedPolicyArns: [...attachedPolicyArns].sort(),
            tags: comparable(tags),
            isOurs: taggedOwner(tags) !== undefined,
          },
        ])
        .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
    ),
    associations: Object.fromEntries(
      [...aws.eks.associations.values()]
        .map(({ namespace, serviceAccount, roleArn, tags, disableSessionTags, targetRoleArn, policy }) => [
          `${namespace}/${serviceAccount}`,
          {
            roleArn,
            disableSessionTags,
            targetRoleArn,
            policy,
            tags: Object.fromEntries(Object.entries(tags).filter(([key]) => key !== 'k11n.dev/uid')),
          },
        ])
        .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
    ),
    serviceAccounts: named(
      server.list(resources.serviceAccounts),
      ({ metadata: { labels, annotations } }) => ({
        labels,
        annotations,
      }),
    ),
    pods: Object.fromEntries(countedPods(server.list(resources.pods))),
    accounts: named(server.list(linkedServiceAccounts), (object) => {
      const { metadata, status } = object as unknown as LinkedServiceAccount;
      return {
        finalizers: metadata.finalizers,
        isGoing: metadata.deletionTimestamp !== undefined,
        isObserved: status?.observedGeneration === metadata.generation,
        roleArn: status?.roleArn,
        lastUsed: status?.lastUsed,
        linkedTargets: status?.linkedTargets,
        ready: status?.ready,
        conditions: reported(status?.conditions),
        targets: status?.targets?.map((row) => ({
          name: row.name,
          linked: row.linked,
          proven: row.proven,
          confirmed: row.confirmed,
          identityMode: row.identityMode,
          pods: row.pods,
          roleArn: row.roleArn,
          reason: row.reason,
        })),
        quarantinedPods: status?.quarantinedPods?.map(({ uid, denied, reason }) => ({ uid, denied, reason })),
        policies: status?.policies?.map(({ arn, attached, reason }) => ({ arn, attached, reason })),
      };
    }),
    apps: named(server.list(apps), (object) => {
      const { metadata, status } = object as unknown as App;
      return {
        isObserved: status?.observedGeneration === metadata.generation,
        conditions: reported(status?.conditions),
        targets: status?.targets?.map(({ name, state, roleArn, reason }) => ({
          name,
          state,
          roleArn,
          reason,
        })),
      };
    }),
    objects: Object.assign(
      {},
      ...kindsOfApps.map((resource) =>
        Object.fromEntries(
          Object.entries(named(server.list(resource), contentOf)).map(([name, content]) => [
            `${resource.kind} ${name}`,
            content,
          ]),
        ),
      ),
    ) as Record<string, unknown>,
    namespaces: named(server.list(resources.namespaces), ({ metadata: { labels } }) => ({
      target: labels?.['k11n.dev/target'],
      isOurs: labels?.[managedByLabel] === managedByValue,
    })),
  };
}

/** Returns the tags without the account's uid, and without the time when the role was closed. */
function comparable(tags: ObservedRole['tags']): object {
  const { 'k11n.dev/uid': _, 'k11n.dev/quarantined': mark, ...others } = tags;
  return mark === undefined ? others : { ...others, isClosed: closedSince(tags) !== undefined };
}

function nameOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function reported(conditions: readonly Condition[] | undefined): object {
  return Object.fromEntries(
    (conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );
}

/** Annotation with the digest of the object's manifest, which contains the uids of owners. */
const appliedHash = 'k11n.dev/applied-hash';

/** Annotation with the replica count before a halt. It remains when the target resumes. */
const beforeHalt = 'k11n.dev/replicas-before-halt';

function contentOf(object: StoredObject): object {
  const { labels, annotations = {} } = object.metadata;
  const { spec, data } = object as { spec?: unknown; data?: unknown };
  const { [appliedHash]: _, [beforeHalt]: __, ...others } = annotations;
  return { labels, annotations: others, spec, ...(data === undefined ? {} : { data }) };
}

/** Counts the pods by Deployment, ServiceAccount and role, because pod names are random. */
function countedPods(pods: readonly StoredObject[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { metadata, spec } of pods) {
    const { serviceAccountName = 'default', containers } = spec as {
      serviceAccountName?: string;
      containers: readonly { env?: readonly { name: string; value?: string }[] }[];
    };
    const env = new Map(containers[0]?.env?.map((entry) => [entry.name, entry.value]));
    const byAgent = env.has('AWS_CONTAINER_CREDENTIALS_FULL_URI');
    const role = env.get('AWS_ROLE_ARN') ?? (byAgent ? 'by the agent' : 'no role');
    const sort = `${metadata.namespace}/${metadata.labels?.['simulated/deployment']} ${serviceAccountName} ${role}`;
    counts.set(sort, (counts.get(sort) ?? 0) + 1);
  }
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Returns the differences between two end states, one per line: `roles.kon-a.trustPolicy: "…" instead of "…"`. */
export function differences(is: unknown, wanted: unknown, path = ''): readonly string[] {
  if (isRecord(is) && isRecord(wanted)) {
    return [...new Set([...Object.keys(is), ...Object.keys(wanted)])].flatMap((key) =>
      differences(is[key], wanted[key], path === '' ? key : `${path}.${key}`),
    );
  }
  if (Array.isArray(is) && Array.isArray(wanted) && is.length === wanted.length)
    return is.flatMap((item, at) => differences(item, wanted[at], `${path}[${at}]`));
  const say = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
  return JSON.stringify(is) === JSON.stringify(wanted)
    ? []
    : [`${path}: ${say(is)} instead of ${say(wanted)}`];
}
