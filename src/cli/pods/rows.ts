/** Rows of `kon app pods` and `kon account pods`: pods and their identities. Pure. */
import {
  describeHeld,
  givenIdentity,
  podIdentity,
  type WantedIdentity,
} from '../../workloads/pod-identity.ts';
import { isFinished, isReady, isTerminating } from '../../workloads/pod.ts';
import { appLabel } from '../../api/labels.ts';
import { byAge, type AppPod } from '../cluster/app-objects.ts';
import type { Style } from '../framework/output/color.ts';
import { createdColumn } from '../objects/columns.ts';
import type { Column } from '../framework/output/table.ts';

export type PodRow = {
  readonly target: string;
  readonly pod: AppPod;
  readonly ready: boolean;
  /** State as `kubectl get pods` shows it: `Running`, `CrashLoopBackOff`, `Terminating`, … */
  readonly state: string;
  readonly restarts: number;
  readonly identity: 'current' | 'stale' | 'uninjected' | 'exempt' | 'unexpected' | 'none wanted';
  /** Identity that the pod holds. */
  readonly holds: string | undefined;
  readonly app: string | undefined;
  readonly serviceAccount: string | undefined;
};

/**
 * @param wanted identity that pods of the target should hold; undefined if there is none or it is unknown
 * @param account name of the app's account, if any
 */
export function podRow(
  target: string,
  pod: AppPod,
  wanted: WantedIdentity | undefined,
  account?: string,
): PodRow {
  const identity = wanted && podIdentity(pod, wanted);
  const given = wanted ? undefined : givenIdentity(pod);
  return {
    target,
    pod,
    ready: isReady(pod),
    state: stateOf(pod),
    restarts: (pod.status?.containerStatuses ?? []).reduce((sum, each) => sum + (each.restartCount ?? 0), 0),
    identity: identity?.state ?? (given && account === undefined ? 'unexpected' : 'none wanted'),
    holds:
      identity?.state === 'stale' || identity?.state === 'uninjected'
        ? describeHeld(identity.held)
        : identity?.state === 'current'
          ? wanted?.roleArn
          : given && describeHeld(given),
    app: pod.metadata.labels?.[appLabel],
    serviceAccount: pod.spec?.serviceAccountName,
  };
}

/** Whether the pod lacks the identity that its account gives, or holds an identity that no account gives. */
export function isNotCurrent({ identity }: PodRow): boolean {
  return identity === 'stale' || identity === 'uninjected' || identity === 'unexpected';
}

/** Sorts the oldest pods first, because they may be older than the latest change. */
export function oldestFirst(rows: readonly PodRow[]): readonly PodRow[] {
  return rows.toSorted((one, other) => byAge(one.pod, other.pod));
}

function stateOf(pod: AppPod): string {
  if (isTerminating(pod)) return 'Terminating';
  if (isFinished(pod)) return pod.status?.phase ?? '';
  for (const { state } of [
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.containerStatuses ?? []),
  ]) {
    const reason =
      state?.waiting?.reason ?? (state?.terminated?.exitCode ? state.terminated.reason : undefined);
    if (reason !== undefined) return reason;
  }
  return pod.status?.phase ?? 'Unknown';
}

const identityStyles: Readonly<Record<PodRow['identity'], Style | undefined>> = {
  current: 'green',
  stale: 'yellow',
  uninjected: 'red',
  exempt: 'dim',
  unexpected: 'red',
  'none wanted': undefined,
};

export function podColumns(now: number): readonly Column<PodRow>[] {
  return [
    { header: 'TARGET', value: (row) => row.target },
    { header: 'NAME', value: (row) => row.pod.metadata.name, whole: true },
    {
      header: 'READY',
      omission: 4,
      value: (row) => (row.ready ? 'yes' : 'no'),
      style: (row) => (row.ready ? 'green' : 'yellow'),
    },
    { header: 'STATE', omission: 5, value: (row) => row.state },
    { header: 'RESTARTS', omission: 2, value: (row) => String(row.restarts) },
    { header: 'IDENTITY', value: (row) => row.identity, style: (row) => identityStyles[row.identity] },
    {
      header: 'HOLDS',
      keepsEnd: true,
      value: (row) => row.holds ?? '',
      short: (row) => heldInBrief(row.holds ?? ''),
    },
    podCreatedColumn(now),
    { header: 'APP', omission: 3, value: (row) => row.app ?? '' },
    { header: 'ACCOUNT', value: (row) => row.serviceAccount ?? '' },
  ];
}

/** Short form of a held identity: the name of a role instead of its ARN, and no explanation in parentheses. */
function heldInBrief(holds: string): string {
  return holds.startsWith('arn:') ? (holds.split('/').at(-1) ?? '') : (holds.split(' (')[0] ?? '');
}

function podCreatedColumn(now: number): Column<PodRow> {
  const column = createdColumn(now);
  return {
    header: column.header,
    omission: 1,
    value: ({ pod }) => column.value(pod),
    short: ({ pod }) => column.short?.(pod) ?? '',
  };
}
