/** Environment variables as a value. The sandbox never reads the environment of its own process. */
export type Environment = Readonly<Record<string, string>>;

/** Environment variables of a process. A variable can be listed with the value undefined. */
export type OuterEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the variables that every child process needs. The user's proxies, CA bundles, AWS profiles and kubeconfigs
 * must not affect parts that communicate over loopback.
 */
export function baseEnvironment(outer: OuterEnvironment): Environment {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']) {
    const value = outer[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
