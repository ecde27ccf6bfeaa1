/** Events for changes of an App's status: a target has entered another state, or its state has another reason. */
import type { AppStatus, AppTargetStatus } from '../api/index.ts';
import type { GateReason, SlotReason } from './reasons.ts';
import type { AppStatusDraft } from './status.ts';

export type EventDraft = {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
};

export function transitions(before: AppStatus | undefined, after: AppStatusDraft): readonly EventDraft[] {
  return (after.targets ?? []).flatMap((row) => {
    const old = before?.targets?.find((entry) => entry.name === row.name);
    const isSame = old?.state === row.state && old.reason === row.reason;
    if (isSame || row.reason === undefined) return [];
    return [
      { type: eventType(row), reason: row.reason, message: `${row.name}: ${row.message ?? row.state}` },
    ];
  });
}

function eventType(row: AppTargetStatus): EventDraft['type'] {
  // Waiting for the rollout slot is normal, so the Event is no warning.
  if (row.reason === ('WaitingForTurn' satisfies SlotReason)) return 'Normal';
  if (row.reason === ('UnexpectedIdentity' satisfies GateReason)) return 'Warning';
  return row.state === 'Failed' || row.state === 'WaitingForIdentity' ? 'Warning' : 'Normal';
}
