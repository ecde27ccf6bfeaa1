/** Status of an App, summarized from its targets. The operator later adds the transition times of the conditions. */
import type { App, AppConditionType, AppStatus, AppTargetStatus } from '../api/index.ts';
import { conditionDraft, type ConditionDraft } from '../k8s/conditions.ts';
import { defined } from '../k8s/defined.ts';
import type { GateReason, RolloutReason, SlotReason, SummaryReason } from './reasons.ts';
import type { TargetReport } from './target-status.ts';

export type AppStatusDraft = Omit<AppStatus, 'conditions'> & {
  readonly conditions: readonly ConditionDraft[];
};

/** Severity of each target state. The worst state has the lowest number. */
const severity: Readonly<Record<AppTargetStatus['state'], number>> = {
  Failed: 0,
  WaitingForIdentity: 1,
  Progressing: 2,
  Halted: 3,
  Ready: 4,
};

export function appStatus(app: App, reports: readonly TargetReport[]): AppStatusDraft {
  const satisfied = reports.filter(({ row }) => hasWantedState(row));
  return {
    ...defined({ observedGeneration: app.metadata.generation }),
    targets: reports.map(({ row }) => row),
    ready: `${satisfied.length}/${reports.length}`,
    conditions: [ready(reports), identityReady(app, reports), available(reports)],
  };
}

/**
 * Whether the target has its wanted state. A halted target whose spec could not be applied does not have its wanted
 * state; its reason differs from `Halted`.
 */
function hasWantedState(row: AppTargetStatus): boolean {
  return (
    row.state === 'Ready' || (row.state === 'Halted' && row.reason === ('Halted' satisfies RolloutReason))
  );
}

function ready(reports: readonly TargetReport[]): ConditionDraft {
  const unsatisfied = reports.filter(({ row, finding }) => !hasWantedState(row) || finding !== undefined);
  const worst = worstOf(unsatisfied);
  if (!worst) return met('Ready', 'Ready', 'all targets are ready');
  const reason = hasWantedState(worst.row) ? (worst.finding?.reason ?? worst.row.reason) : worst.row.reason;
  return conditionDraft('Ready', 'False', reason, joined(unsatisfied.map(({ row }) => row)));
}

function identityReady(app: App, reports: readonly TargetReport[]): ConditionDraft {
  const type = 'IdentityReady';
  const { serviceAccount } = app.spec;
  const findings = reports
    .flatMap(({ row, finding }) => (finding ? [{ name: row.name, ...finding }] : []))
    // If the spec names no account, a finding that the target waits for a rollout slot concerns the account that the
    // app used before, and is left out.
    .filter(
      ({ reason }) => serviceAccount !== undefined || reason === ('UnexpectedIdentity' satisfies GateReason),
    );
  const [first] = findings;
  if (first) return conditionDraft(type, 'False', first.reason, joined(findings));
  if (serviceAccount === undefined)
    return met(type, 'NoAccount', 'the app names no account, so its pods hold no identity');
  const [any] = reports;
  return any === undefined || reports.some(({ identityEvaluated }) => identityEvaluated)
    ? met(type, 'Proven', `account "${serviceAccount}" is proven in every target where the app runs`)
    : conditionDraft(type, 'Unknown', any.row.reason, 'the identity has not been checked on any target yet');
}

function available(reports: readonly TargetReport[]): ConditionDraft {
  const missing = reports.filter((report) => !report.available);
  const worst = worstOf(missing);
  if (!worst) return met('Available', 'Available', 'all replicas are available in all targets');
  return conditionDraft('Available', 'False', worst.row.reason, joined(missing.map(({ row }) => row)));
}

function worstOf(reports: readonly TargetReport[]): TargetReport | undefined {
  return reports.toSorted((a, b) => severity[a.row.state] - severity[b.row.state])[0];
}

function met(type: AppConditionType, reason: SummaryReason | RolloutReason, message: string): ConditionDraft {
  return { type, status: 'True', reason, message };
}

function joined(rows: readonly { readonly name: string; readonly message?: string | undefined }[]): string {
  return rows.map(({ name, message }) => `${name}: ${message ?? ''}`).join('; ');
}

export type EventDraft = {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
};

/** Events for changes of an App's status: a target has entered another state, or its state has another reason. */
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
