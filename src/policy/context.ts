/**
 * Request context as policies see it: keys without regard to case, values as lists, and a record of required keys that
 * are absent (the missing context values of `SimulatePrincipalPolicy`).
 */
import type { RequestContext } from './model.ts';
import type { VariableLookup } from './pattern.ts';

export type ContextReader = {
  /** The values of a key, or undefined when it is absent. */
  readonly values: (key: string) => readonly string[] | undefined;
  /** The value of a key that has exactly one. */
  readonly single: VariableLookup;
  /** Keys asked for and absent, as first written, sorted. */
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
