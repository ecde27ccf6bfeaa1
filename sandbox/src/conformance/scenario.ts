/**
 * A scenario is a sequence of calls of a stock SDK, each with the answer of AWS and, where moto differs, that of moto. A
 * difference is asserted like everything else, so that the list of differences stays true.
 */
import type { Place } from './place.ts';

export type Scenario = {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Why the scenario cannot run in this place. */
  readonly skip?: string | undefined;
};

/** The scenarios of one area, with the names of a place. */
export type Scenarios = (place: Place) => readonly Scenario[];

export type Step = StepCall & {
  readonly gives: Outcome;
  /** Name of credentials that an earlier step kept. Default: the administrator. */
  readonly as?: string;
  /** Values of the answer that later steps use: names mapped to paths in the answer (`Role.Arn`). */
  readonly keep?: Readonly<Record<string, string>>;
  /** Keeps the answer's `Credentials` under this name, for `as`. */
  readonly keepCredentials?: string;
  /** Name of a kept value without which the step is skipped, for example a token that only a test can sign. */
  readonly needs?: string;
  /** List of the answer that AWS returns in pages, which are joined before the comparison. */
  readonly paged?: string;
  /** Part of the response that shows a running job. The call is repeated until that part differs. */
  readonly while?: object;
  readonly moto?: { readonly gives: Outcome; readonly why: string };
};

export type StepCall =
  | { readonly iam: Dynamic<object> }
  | { readonly sts: Dynamic<object> }
  | { readonly eks: Dynamic<object> }
  | { readonly s3: Dynamic<object> };

/** A command of the SDK, or a function that builds one from values that earlier steps kept. */
type Dynamic<T> = T | ((kept: Kept) => T);
export type Kept = Readonly<Record<string, string>>;

export type Outcome =
  /** Every member of the shape is in the answer, which may contain further ones. */
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
 * Returns the name of the AWS operation, for example `CreateRole`. A command that is built from earlier values gets
 * placeholders here.
 */
export function operationOf(step: StepCall): string {
  const anything: Kept = new Proxy({}, { get: () => 'x' });
  const command = 'iam' in step ? step.iam : 'sts' in step ? step.sts : 'eks' in step ? step.eks : step.s3;
  return resolveCommand(command, anything).constructor.name.replace(/Command$/, '');
}
