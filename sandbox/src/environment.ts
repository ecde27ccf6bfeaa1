/** Environment variables as a value. The sandbox never reads the process's own. */
export type Environment = Readonly<Record<string, string>>;

/** As the process has them: a name can be present without a value. */
export type OuterEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * The variables that any child process needs. Proxies, CA bundles, AWS profiles and kubeconfigs of the user must not reach parts
 * that talk to each other over loopback.
 */
export function baseEnvironment(outer: OuterEnvironment): Environment {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']) {
    const value = outer[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
