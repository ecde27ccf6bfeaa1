/** Type of a doctor check. Checks are data: the report, its order and the documentation anchors derive from this data. */
import type { Lookups } from './lookups.ts';
import type { CheckId } from './meanings.ts';

export type Verdict =
  | { readonly status: 'ok'; readonly message?: string }
  /** `warning`: the checked part works, or its state is unknown. `error`: the checked part does not work, or will fail soon. */
  | {
      readonly status: 'warning' | 'error';
      readonly message: string;
      /** Additional information, one line each. */
      readonly details?: readonly string[];
    };

export type Check = {
  /**
   * ID in kebab-case. Part of the public contract: the JSON report contains the ID, `kon explain` accepts it, and
   * docs/guides/doctor.md has an anchor with this name.
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
