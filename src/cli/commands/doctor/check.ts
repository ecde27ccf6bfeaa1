/** Types of the checks of `kon doctor` and of their verdicts. */
import type { Lookups } from './lookups.ts';
import type { CheckId, RegisteredCheck } from './registry.ts';

export type Verdict =
  | { readonly status: 'ok'; readonly message?: string | undefined }
  /** `warning`: the checked part works, or its state is unknown. `error`: the checked part does not work, or will fail soon. */
  | {
      readonly status: 'warning' | 'error';
      readonly message: string;
      /** Additional information, one line each. */
      readonly details?: readonly string[];
    };

export type Run = (lookups: Lookups) => Promise<Verdict>;
export type Checks = Partial<Readonly<Record<CheckId, Run>>>;

export type Check = Pick<RegisteredCheck, 'id' | 'category' | 'title' | 'needs' | 'mayPass'> & {
  readonly run: Run;
};

export const ok = (message?: string): Verdict => ({ status: 'ok', message });
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
