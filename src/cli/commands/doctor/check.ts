/** Type of a doctor check. Checks are data: report, documentation anchors and order derive from them. */
import type { Lookups } from './lookups.ts';
import type { CheckId } from './meanings.ts';

export type Verdict =
  | { readonly status: 'ok'; readonly message?: string }
  /** `warning`: it works, or its state is unknown. `error`: it does not work, or will fail soon. */
  | {
      readonly status: 'warning' | 'error';
      readonly message: string;
      /** One line each. */
      readonly details?: readonly string[];
    };

export type Check = {
  /**
   * Kebab-case. Part of the public contract: it appears in the JSON report, `kon explain` describes it, and it is the anchor
   * in docs/guides/doctor.md.
   */
  readonly id: CheckId;
  readonly category: 'Environment' | 'Cluster' | 'Operator' | 'Configuration' | 'AWS' | 'Identity';
  /** Statement that is true if the check passes, without a full stop. */
  readonly title: string;
  /** Ids of checks that must pass before this one runs; none by default. */
  readonly needs: readonly CheckId[];
  /** Whether a failed check may pass later without intervention; false by default. */
  readonly mayPass: boolean;
  readonly run: (lookups: Lookups) => Promise<Verdict>;
};

/** A check as defined in its category, with optional fields. */
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
