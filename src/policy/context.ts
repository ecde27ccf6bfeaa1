/**
 * Reads the request context for the evaluation of policies: keys are case-insensitive, and values are lists. Records
 * which requested keys are absent (the missing context values of `SimulatePrincipalPolicy`).
 */
import type { RequestContext } from './model.ts';
import type { VariableLookup } from './pattern.ts';

export type ContextReader = {
  /** Returns the values of a key, or undefined if the key is absent. */
  readonly values: (key: string) => readonly string[] | undefined;
  /** Returns the value of a key that has exactly one value. */
  readonly single: VariableLookup;
  /** Returns the requested keys that are absent, sorted. Each key is spelled as in the first request for it. */
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
