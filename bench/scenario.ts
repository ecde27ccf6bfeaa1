import type { Figure } from './figure.ts';

export type Bench = {
  /** Path of the bundled executable that is measured. */
  readonly kon: string;
  /** Prints progress. */
  readonly note: (text: string) => void;
};

/** A measurement that starts and stops everything that it measures. */
export type Scenario = {
  readonly name: string;
  readonly summary: string;
  run(bench: Bench): Promise<readonly Figure[]>;
};
