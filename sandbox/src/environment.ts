/** Environment variables as a value: the sandbox never reads or inherits the process's own. */
export type Environment = Readonly<Record<string, string>>;

/** As the process has them; a name that is not set may be there with no value. */
export type OuterEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * What a child needs of a person's environment to work at all, and nothing more: proxies, CA bundles, AWS profiles and
 * kubeconfigs of theirs must not reach parts which talk to each other over loopback.
 */
export function baseEnvironment(outer: OuterEnvironment): Environment {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']) {
    const value = outer[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
