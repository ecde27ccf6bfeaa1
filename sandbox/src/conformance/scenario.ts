/**
 * A scenario is a sequence of calls with a stock SDK. Each call states AWS's response and, if moto's response differs,
 * also moto's response. Tests assert both responses, so the list of differences stays correct.
 */
import type { Place } from './place.ts';

export type Scenario = {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Reason why the scenario cannot run; undefined if it can run. */
  readonly skip?: string | undefined;
};

/** Returns the scenarios of one area. The scenarios use the names that the place provides. */
export type Scenarios = (place: Place) => readonly Scenario[];

export type Step = StepCall & {
  readonly gives: Outcome;
  /** Name of credentials that an earlier step kept. Default: the administrator's credentials. */
  readonly as?: string;
  /** Values of the response that later steps use: names mapped to paths in the response (`Role.Arn`). */
  readonly keep?: Readonly<Record<string, string>>;
  /** Keeps the response's `Credentials` under this name, which later steps can use in `as`. */
  readonly keepCredentials?: string;
  /**
   * Name of a kept value that the step needs. If the value is missing, the step is skipped. Example: a token that only
   * a test can sign.
   */
  readonly needs?: string;
  /** Name of a list that AWS returns in pages. The pages are joined before the comparison. */
  readonly paged?: string;
  /** Part of the response while a job is running. The call is repeated until the response no longer has this part. */
  readonly while?: object;
  readonly moto?: { readonly gives: Outcome; readonly why: string };
};

export type StepCall =
  | { readonly iam: Dynamic<object> }
  | { readonly sts: Dynamic<object> }
  | { readonly eks: Dynamic<object> }
  | { readonly s3: Dynamic<object> };

/** An SDK command, or a function that builds a command from values that earlier steps kept. */
type Dynamic<T> = T | ((kept: Kept) => T);
export type Kept = Readonly<Record<string, string>>;

export type Outcome =
  /** The response must contain every member of the shape, and can contain others. */
  | { readonly kind: 'answer'; readonly shape: object }
  | {
      readonly kind: 'error';
      readonly code: string;
      readonly status: number;
      readonly message?: string | RegExp;
    };

export const answer = (shape: object = {}): Outcome => ({ kind: 'answer', shape });
export const failure = (code: string, status: number, message?: string | RegExp): Outcome => ({
  kind: 'error',
  code,
  status,
  ...(message === undefined ? {} : { message }),
});

export function resolveCommand(command: Dynamic<object>, kept: Kept): object {
  return typeof command === 'function' ? (command as (values: Kept) => object)(kept) : command;
}

/**
 * Returns the name of the AWS operation, for example `CreateRole`. If a function builds the command, it gets
 * placeholders instead of values that earlier steps kept.
 */
export function operationOf(step: StepCall): string {
  const anything: Kept = new Proxy({}, { get: () => 'x' });
  const command = 'iam' in step ? step.iam : 'sts' in step ? step.sts : 'eks' in step ? step.eks : step.s3;
  return resolveCommand(command, anything).constructor.name.replace(/Command$/, '');
}
