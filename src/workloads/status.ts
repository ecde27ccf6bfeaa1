/** An App's status, summed up from its targets. Without times, which the operator adds where a condition changes. */
import type { App, AppConditionType, AppStatus, AppTargetStatus, Condition } from '../api/index.ts';
import { appReasons, rolloutReasons } from './reasons.ts';
import type { TargetReport } from './target-status.ts';

export type ConditionDraft = Omit<Condition, 'lastTransitionTime'> & { readonly type: AppConditionType };

export type AppStatusDraft = Omit<AppStatus, 'conditions'> & {
  readonly conditions: readonly ConditionDraft[];
};

/** What stops an App from being ready, the worst first. */
const severity: Readonly<Record<AppTargetStatus['state'], number>> = {
  Failed: 0,
  WaitingForIdentity: 1,
  Progressing: 2,
  Halted: 3,
  Ready: 4,
};

export function appStatus(app: App, reports: readonly TargetReport[]): AppStatusDraft {
  const well = reports.filter(({ row }) => isWell(row));
  return {
    ...generationOf(app),
    targets: reports.map(({ row }) => row),
    ready: `${well.length}/${reports.length}`,
    conditions: [ready(app, reports), identityReady(app, reports), available(app, reports)],
  };
}

function isWell(row: AppTargetStatus): boolean {
  return row.state === 'Ready' || row.state === 'Halted';
}

function ready(app: App, reports: readonly TargetReport[]): ConditionDraft {
  const [worst] = reports
    .filter(({ row, notice }) => !isWell(row) || notice !== undefined)
    .toSorted((a, b) => severity[a.row.state] - severity[b.row.state]);
  if (!worst) return condition(app, 'Ready', 'True', appReasons.Ready, 'every target is as it should be');
  const reason = isWell(worst.row) ? (worst.notice?.reason ?? worst.row.reason) : worst.row.reason;
  const said = reports
    .filter(({ row, notice }) => !isWell(row) || notice !== undefined)
    .map(({ row }) => ({ target: row.name, message: row.message ?? '' }));
  return condition(app, 'Ready', 'False', reason, joined(said));
}

function identityReady(app: App, reports: readonly TargetReport[]): ConditionDraft {
  const { serviceAccount } = app.spec;
  const type = 'IdentityReady';
  if (serviceAccount === undefined)
    return condition(
      app,
      type,
      'True',
      appReasons.NoAccount,
      'the app names no account: its pods hold no identity',
    );
  const noticed = reports.flatMap(({ row, notice }) => (notice ? [{ target: row.name, ...notice }] : []));
  const [first] = noticed;
  if (first) return condition(app, type, 'False', first.reason, joined(noticed));
  if (!reports.some(({ askedForIdentity }) => askedForIdentity)) {
    const reason = reports[0]?.row.reason ?? appReasons.NoAccount;
    return condition(app, type, 'Unknown', reason, 'no target has got as far as its identity');
  }
  return condition(
    app,
    type,
    'True',
    appReasons.Proven,
    `account ${serviceAccount} is proven on every target that runs`,
  );
}

function available(app: App, reports: readonly TargetReport[]): ConditionDraft {
  const missing = reports.filter((report) => !report.available);
  const [worst] = missing.toSorted((a, b) => severity[a.row.state] - severity[b.row.state]);
  if (!worst)
    return condition(app, 'Available', 'True', rolloutReasons.Available, 'every target has its replicas');
  const said = missing.map(({ row }) => ({ target: row.name, message: row.message ?? '' }));
  return condition(app, 'Available', 'False', worst.row.reason, joined(said));
}

function condition(
  app: App,
  type: AppConditionType,
  status: Condition['status'],
  reason: string,
  message: string,
): ConditionDraft {
  return { type, status, reason, message, ...generationOf(app) };
}

function generationOf(app: App): { observedGeneration?: number } {
  const { generation } = app.metadata;
  return generation === undefined ? {} : { observedGeneration: generation };
}

/** The most characters that a condition's message may have. Source: metav1.Condition. */
const longestMessage = 32768;

function joined(said: readonly { readonly target: string; readonly message: string }[]): string {
  return said
    .map(({ target, message }) => `${target}: ${message}`)
    .join('; ')
    .slice(0, longestMessage);
}
