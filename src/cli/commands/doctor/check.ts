/** What a check of the doctor is. Checks are data: the report, the documentation's anchors and the order derive from them. */
import type { Lookups } from './lookups.ts';

export type Verdict =
  | { readonly status: 'ok'; readonly message?: string }
  /** `warning`: it works, or cannot be told. `error`: it does not work, or soon will not. */
  | {
      readonly status: 'warning' | 'error';
      readonly message: string;
      /** One line each. */
      readonly details?: readonly string[];
    };

export type Check = {
  /** kebab-case, contract: in the JSON report, and the anchor in docs/guides/doctor.md. */
  readonly id: string;
  readonly category: 'Environment' | 'Cluster' | 'Operator' | 'Configuration' | 'AWS' | 'Identity';
  /** What holds when it passes, as a sentence without full stop. */
  readonly title: string;
  /** Ids of checks without which this one has nothing to look at; none by default. */
  readonly needs: readonly string[];
  /** Whether it may become true by waiting; not by default. */
  readonly mayPass: boolean;
  readonly run: (lookups: Lookups) => Promise<Verdict>;
};

/** A check as its category lists it. */
export type CheckDefinition = Pick<Check, 'id' | 'title' | 'run'> & Partial<Pick<Check, 'needs' | 'mayPass'>>;

export const ok = (message?: string): Verdict => ({
  status: 'ok',
  ...(message === undefined ? {} : { message }),
});
export const warning = (message: string, details: readonly string[] = []): Verdict => ({
  status: 'warning',
  message,
  details,
});
export const failure = (message: string, details: readonly string[] = []): Verdict => ({
  status: 'error',
  message,
  details,
});
