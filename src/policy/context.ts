/**
 * Request context for the evaluation of policies: case-insensitive keys, values as lists, and a record of required keys that
 * are absent (the missing context values of `SimulatePrincipalPolicy`).
 */
import type { RequestContext } from './model.ts';
import type { VariableLookup } from './pattern.ts';

export type ContextReader = {
  /** Values of a key; undefined if it is absent. */
  readonly values: (key: string) => readonly string[] | undefined;
  /** Value of a key with exactly one value. */
  readonly single: VariableLookup;
  /** Requested keys that are absent, spelled as first requested, sorted. */
  readonly missing: () => readonly string[];
};

export function readContext(context: RequestContext): ContextReader {
  const byKey = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(context)) {
    byKey.set(key.toLowerCase(), typeof value === 'string' ? [value] : value);
  }
  const missing = new Map<string, string>();
  const values = (key: string): readonly string[] | undefined => {
    const found = byKey.get(key.toLowerCase());
    if (found === undefined && !missing.has(key.toLowerCase())) missing.set(key.toLowerCase(), key);
    return found;
  };
  return {
    values,
    single: (key) => {
      const found = values(key);
      return found?.length === 1 ? found[0] : undefined;
    },
    missing: () => [...missing.values()].sort(),
  };
}
