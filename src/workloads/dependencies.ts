/**
 * Dependencies of an App: addresses of the Apps that it calls, as environment variables such as
 * `REVIEWS_HTTP_HOST=reviews.production.svc:8080`. An address is derived from the spec of the called App, and does not
 * depend on its pods. Therefore, two Apps can call each other, and neither waits until the other is healthy. The pod's
 * DNS resolver adds the cluster domain.
 */
import type { App, AppTarget, Dependency, EnvVar } from '../api/index.ts';

/** Existing Apps that an App depends on, by name. */
export type OtherApps = ReadonlyMap<string, App>;

export function dependencyEnv(app: App, target: AppTarget, others: OtherApps): readonly EnvVar[] {
  return (app.spec.dependencies ?? []).flatMap((dependency) => {
    const { name } = dependency;
    return portsOf(dependency, others.get(name)).map((port) => ({
      name: variableOf(name, port.name),
      value: `${name}.${dependency.target ?? target.name}.svc:${port.port}`,
    }));
  });
}

/** Describes the first dependency whose address is unknown; undefined if all addresses are known. */
export function dependencyFault(app: App, target: AppTarget, others: OtherApps): string | undefined {
  // A halted target has no pods, so it calls no other App.
  if (target.deployMode === 'halt') return undefined;
  for (const dependency of app.spec.dependencies ?? []) {
    const { name, port } = dependency;
    const other = others.get(name);
    const place = dependency.target ?? target.name;
    if (!other || other.metadata.deletionTimestamp !== undefined)
      return `the app depends on app "${name}", which does not exist`;
    if (!other.spec.targets.some((entry) => entry.name === place))
      return `the app depends on app "${name}", which does not run on target "${place}" (targets of "${name}": ${other.spec.targets.map((entry) => entry.name).join(', ')})`;
    if (portsOf(dependency, other).length === 0)
      return port === undefined
        ? `the app depends on app "${name}", which has no ports`
        : `the app depends on app "${name}", which has no port "${port}" (ports of "${name}": ${(other.spec.ports ?? []).map((entry) => entry.name).join(', ') || 'none'})`;
  }
  return undefined;
}

/**
 * Describes a dependency that is listed twice: both entries would set the same environment variables; undefined if no
 * dependency is listed twice.
 */
export function ambiguousDependency(app: App): string | undefined {
  const seen = new Set<string>();
  for (const { name, port } of app.spec.dependencies ?? []) {
    const key = `${name} ${port ?? ''}`;
    if (seen.has(key))
      return `spec.dependencies: ${name}${port === undefined ? '' : `, port ${port},`} is listed twice`;
    seen.add(key);
  }
  return undefined;
}

function portsOf({ port }: Dependency, other: App | undefined): NonNullable<App['spec']['ports']> {
  return (other?.spec.ports ?? []).filter((entry) => port === undefined || entry.name === port);
}

function variableOf(app: string, port: string): string {
  return `${app}_${port}_HOST`.toUpperCase().replaceAll('-', '_');
}
