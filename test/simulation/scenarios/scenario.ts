import type { Act } from '../acts.ts';

export type Scenario = { readonly name: string; readonly acts: readonly Act[] };

/** Targets of an app that runs in both namespaces. */
export const twoTargets = [
  { name: 'production', deployMode: 'latest' as const },
  { name: 'staging', deployMode: 'latest' as const },
];
