/**
 * Meanings and next steps of error codes, reasons and doctor checks. They come from the same registries as docs/errors.md and the
 * reference of reasons.
 */
import { identityErrors } from '../../../identity/state/errors.ts';
import { identityReasons } from '../../../identity/state/reasons.ts';
import { accountEventReasons } from '../../../identity/steps/event.ts';
import { meaningOf, type Reason } from '../../../k8s/reasons.ts';
import {
  appEventReasons,
  gateReasons,
  rolloutReasons,
  slotReasons,
  summaryReasons,
  targetReasons,
  workloadEventReasons,
} from '../../../workloads/reasons.ts';
import { accountKind, appKind, type Kind } from '../../cluster/kinds.ts';
import { errorMeanings, type ErrorCode } from '../../framework/error-meanings.ts';
import { exitCodeOf, type CliError } from '../../framework/errors.ts';
import {
  nextStepsFor,
  pendingReasons,
  podReasons,
  requiresUserAction,
} from '../../framework/wait/reasons.ts';
import { registeredChecks } from '../doctor/registry.ts';

export type Explanation = {
  readonly code: string;
  /** Description of what the codes of the registry are, for example `an error of kon`. */
  readonly source: string;
  readonly meaning: string;
  /** One step per line. Empty if no action is needed. */
  readonly steps: readonly string[];
};

const reasonsOf = (
  kind: Kind,
  source: string,
  registry: Readonly<Record<string, Reason>>,
): readonly Explanation[] =>
  Object.entries(registry).map(([code, reason]) => {
    // The last step is always the command that shows the object.
    const steps = nextStepsFor(code, { kind, name: 'NAME' });
    const isIdle = steps.length === 1 && !requiresUserAction(code);
    return { code, source, meaning: meaningOf(reason), steps: isIdle ? [] : steps };
  });

const account = { kind: accountKind, name: 'NAME' } as const;

/**
 * If several sources, such as the reasons of accounts and of apps, have the same code, this list contains one entry per
 * source.
 */
export const explanations: readonly Explanation[] = [
  ...Object.entries(errorMeanings).map(([code, { meaning, next }]) => ({
    code,
    source: `an error of kon, with exit code ${exitCodeOf(code as ErrorCode)}`,
    meaning,
    steps: next,
  })),
  ...Object.entries(identityErrors).map(([code, { meaning, next, retry }]) => ({
    code,
    source: `an error of AWS, which the operator retries ${retry === 'backoff' ? 'soon' : 'at long intervals'}`,
    meaning,
    steps: next.startsWith('Nothing') ? [next] : [...new Set([next, ...nextStepsFor(code, account)])],
  })),
  ...reasonsOf(accountKind, 'a reason of accounts and clusters', identityReasons),
  ...reasonsOf(appKind, 'a reason of apps', {
    ...gateReasons,
    ...slotReasons,
    ...rolloutReasons,
    ...targetReasons,
    ...summaryReasons,
  }),
  ...reasonsOf(appKind, 'a reason of pods', podReasons),
  ...reasonsOf(accountKind, 'a reason that kon reports', pendingReasons),
  ...reasonsOf(accountKind, 'a reason of Events about accounts', accountEventReasons),
  ...reasonsOf(appKind, 'a reason of Events about apps', appEventReasons),
  ...reasonsOf(appKind, 'a reason of Events about workloads', workloadEventReasons),
  ...registeredChecks.map(({ id, meaning, next }) => ({
    code: id,
    source: 'a check of kon doctor',
    meaning,
    steps: [next],
  })),
];

/** Returns the explanations of a code. Ignores case, underscores and hyphens. */
export function explanationsOf(code: string): readonly Explanation[] {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[_-]/g, '');
  return explanations.filter((each) => plain(each.code) === plain(code));
}

/**
 * Returns the command that explains an error: by the reason in the status if the reason has an explanation, otherwise by the
 * error code.
 */
export function explainCommand({ code, reason }: Pick<CliError, 'code' | 'reason'>): string {
  const known = reason === undefined ? undefined : explanationsOf(reason)[0];
  return `kon explain ${known?.code ?? code}`;
}
