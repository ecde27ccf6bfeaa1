/**
 * Finds running pods that do not hold the desired identity, for `show` and `status`. Reports, oldest first, the
 * identity that each pod holds, and how to replace the pod by one with the desired identity.
 */
import type { App } from '../../api/app.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import type { KubeClient } from '../../kube/index.ts';
import { byAge, podsOf } from '../cluster/app-objects.ts';
import { appLabel, restartLabel } from '../../api/labels.ts';
import { describeHeld, podIdentity, type WantedIdentity } from '../../workloads/pod-identity.ts';
import { isFinished, isTerminating, type Pod } from '../../workloads/pod.ts';
import { podsWithServiceAccount } from './account-pods.ts';
import { identitiesOf, wantedIdentities } from './wanted-identities.ts';
import type { Output } from '../framework/context.ts';
import { ageOf } from '../objects/columns.ts';
import { renderSection } from '../objects/details.ts';
import type { Column } from '../framework/output/table.ts';

export type PodNotCurrent = {
  readonly target: string;
  readonly pod: Pod;
  readonly identity: 'stale' | 'uninjected';
  /** Human-readable description of the identity that the pod holds. */
  readonly holds: string;
  /** `app web` or `Job/import`; undefined for a bare pod. */
  readonly madeBy: string | undefined;
  readonly next: string;
};

/**
 * Finds pods that have the account's ServiceAccount but lack the account's current identity: pods of apps, other
 * workloads and Jobs, and bare pods.
 */
export async function accountPodsNotCurrent(
  client: KubeClient,
  account: LinkedServiceAccount,
): Promise<readonly PodNotCurrent[]> {
  const wanted = identitiesOf(account);
  const rows = await Promise.all(
    (account.status?.targets ?? []).map(async ({ name, pods }) => {
      // According to the counts in the status, all pods of this target hold the desired identity, so the pods need not
      // be listed.
      if (pods && pods.stale + pods.uninjected === 0) return [];
      const found = await podsWithServiceAccount(client, account.metadata.name, { namespace: name });
      return podsNotCurrent(name, found, wanted.get(name));
    }),
  );
  return rows.flat();
}

export async function appPodsNotCurrent(client: KubeClient, app: App): Promise<readonly PodNotCurrent[]> {
  if (app.spec.serviceAccount === undefined) return [];
  const wanted = await wantedIdentities(client, app);
  const rows = await Promise.all(
    app.spec.targets.map(async ({ name }) =>
      podsNotCurrent(name, await podsOf(client, app, name), wanted.get(name)),
    ),
  );
  return rows.flat();
}

/** @param wanted identity that the pods should hold; undefined if there is none or it is unknown */
export function podsNotCurrent(
  target: string,
  pods: readonly Pod[],
  wanted: WantedIdentity | undefined,
): readonly PodNotCurrent[] {
  if (wanted === undefined) return [];
  return pods.flatMap((pod): readonly PodNotCurrent[] => {
    if (isFinished(pod) || isTerminating(pod)) return [];
    const identity = podIdentity(pod, wanted);
    if (identity.state !== 'stale' && identity.state !== 'uninjected') return [];
    const { state, held } = identity;
    const { madeBy, next } = originOf(pod);
    return [
      {
        target,
        pod,
        identity: state,
        holds: describeHeld(held),
        madeBy,
        // A replacement pod would hold the same credentials as long as the variable stays in the env.
        next: held.kind === 'own' ? `remove ${held.variable} from the env of ${madeBy ?? 'the pod'}` : next,
      },
    ];
  });
}

function originOf({ metadata }: Pod): Pick<PodNotCurrent, 'madeBy' | 'next'> {
  const app = metadata.labels?.[appLabel];
  if (app !== undefined)
    return {
      madeBy: `app ${app}`,
      next: `the operator replaces the pod; to follow the progress: kon app status ${app}`,
    };
  const owner = metadata.ownerReferences?.find((reference) => reference.controller);
  if (!owner) return { madeBy: undefined, next: 'delete and recreate the pod by hand' };
  const madeBy = `${owner.kind}/${owner.name}`;
  switch (owner.kind) {
    case 'ReplicaSet':
    case 'StatefulSet':
    case 'DaemonSet':
      return {
        madeBy,
        next: `if the ${owner.kind === 'ReplicaSet' ? 'Deployment' : owner.kind} has the label ${restartLabel}=true, the operator replaces the pod; otherwise: kubectl rollout restart`,
      };
    case 'Job':
      return { madeBy, next: 'let the Job end, or delete and recreate the Job' };
    default:
      return { madeBy, next: `delete the pod, so that ${owner.kind} ${owner.name} recreates it` };
  }
}

/** Maximum number of listed pods. */
const mostShown = 20;

export function renderPodsNotCurrent(all: readonly PodNotCurrent[], now: number, output: Output): string {
  const rows = all.toSorted((one, other) => byAge(one.pod, other.pod));
  const more = rows.length - mostShown;
  return [
    renderSection('Pods without the identity, oldest first', columns(now), rows.slice(0, mostShown), output),
    ...(more > 0 ? [`  and ${more} more\n`] : []),
  ].join('');
}

const columns = (now: number): readonly Column<PodNotCurrent>[] => [
  { header: 'TARGET', value: (row) => row.target },
  { header: 'POD', value: (row) => row.pod.metadata.name, whole: true },
  { header: 'AGE', omission: 1, value: (row) => ageOf(row.pod.metadata.creationTimestamp, now) },
  { header: 'MADE BY', value: (row) => row.madeBy ?? 'hand' },
  {
    header: 'IDENTITY',
    value: (row) => row.identity,
    style: (row) => (row.identity === 'stale' ? 'yellow' : 'red'),
  },
  { header: 'HOLDS', value: (row) => row.holds },
  { header: 'NEXT', wraps: true, value: (row) => row.next },
];
