/**
 * Addresses of the Apps that an App calls, as environment variables: `REVIEWS_HTTP_HOST=reviews.production.svc:8080`. They are
 * derived from the spec of the other App, not from its pods, so two Apps may call each other without waiting for each other to be
 * healthy. The DNS resolver of the pod adds the cluster domain.
 */
import type { App, AppTarget, Dependency, EnvVar } from '../api/index.ts';

/** The dependencies that exist, by name of the App. */
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

/** Describes the address that is missing; undefined when all are known. */
export function dependencyFault(app: App, target: AppTarget, others: OtherApps): string | undefined {
  // A halted target calls no other App.
  if (target.deployMode === 'halt') return undefined;
  for (const dependency of app.spec.dependencies ?? []) {
    const { name, port } = dependency;
    const other = others.get(name);
    const place = dependency.target ?? target.name;
    if (!other || other.metadata.deletionTimestamp !== undefined)
      return `it depends on app ${name}, which does not exist`;
    if (!other.spec.targets.some((entry) => entry.name === place))
      return `it depends on app ${name} in ${place}, where that does not run: its targets are ${other.spec.targets.map((entry) => entry.name).join(', ')}`;
    if (portsOf(dependency, other).length === 0)
      return port === undefined
        ? `it depends on app ${name}, which has no ports`
        : `it depends on port ${port} of app ${name}, whose ports are ${(other.spec.ports ?? []).map((entry) => entry.name).join(', ') || 'none'}`;
  }
  return undefined;
}

/** Describes two dependencies whose addresses would share one variable; undefined when there are none. */
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
