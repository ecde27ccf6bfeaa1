/** Creates the timeline of an object from its Events, condition transitions and field managers. Pure. */
import type { Condition } from '../../../../k8s/conditions.ts';
import type { ObjectMeta } from '../../../../k8s/metadata.ts';
import type { ObjectEvent } from '../../../cluster/events.ts';

export type Happening = {
  /** RFC 3339. */
  readonly time: string;
  readonly kind: 'Event' | 'Condition' | 'Written';
  readonly reason: string;
  readonly message: string;
  /** Number of occurrences of a repeated Event. `time` is the time of the last occurrence. */
  readonly count?: number;
  readonly warning: boolean;
};

type Historical = {
  readonly metadata: Pick<ObjectMeta, 'creationTimestamp' | 'deletionTimestamp' | 'managedFields'>;
  readonly status?: { readonly conditions?: readonly Condition[] | undefined } | undefined;
};

export function timeline(object: Historical, events: readonly ObjectEvent[]): readonly Happening[] {
  const { creationTimestamp, deletionTimestamp, managedFields = [] } = object.metadata;
  const written = (time: string, reason: string, message: string): Happening => ({
    time,
    kind: 'Written',
    reason,
    message,
    warning: false,
  });
  const happenings: readonly Happening[] = [
    ...(creationTimestamp === undefined
      ? []
      : [written(creationTimestamp, 'Created', 'the object was created')]),
    ...(deletionTimestamp === undefined
      ? []
      : [written(deletionTimestamp, 'DeletionRequested', 'deletion was requested')]),
    // The API server records the time of the last write of each field manager.
    ...managedFields.flatMap(({ manager = 'somebody', time, subresource, fieldsV1 }) =>
      time === undefined || subresource !== undefined || !fieldsV1 || !('f:spec' in fieldsV1)
        ? []
        : [written(time, 'SpecWritten', `the spec was last written by ${manager}`)],
    ),
    ...(object.status?.conditions ?? []).map(
      ({ type, status, reason, message, lastTransitionTime }): Happening => ({
        time: lastTransitionTime,
        kind: 'Condition',
        reason: `${type}=${status}`,
        message: `${message} (${reason})`,
        warning: status === 'False',
      }),
    ),
    ...events.map(({ lastSeen, type, reason, message, count }): Happening => ({
      time: lastSeen,
      kind: 'Event',
      reason,
      message,
      ...(count > 1 ? { count } : {}),
      warning: type !== 'Normal',
    })),
  ];
  return happenings.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
}
