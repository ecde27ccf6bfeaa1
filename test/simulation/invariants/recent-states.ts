/** Records earlier states of the simulated world, because the operator may act on a state that it saw a short time ago. */
import {
  clusterConfigs,
  linkedServiceAccounts,
  quarantines,
  type ClusterConfig,
  type LinkedServiceAccount,
  type Quarantine,
} from '../../../src/api/index.ts';
import type { ObservedRole } from '../../../src/identity/index.ts';
import type { Resource } from '../../../src/kube/index.ts';
import type { Change } from '../api-server/change-log.ts';
import type { StoredObject } from '../api-server/stored-object.ts';
import type { RoleChange } from '../simulated-aws.ts';
import type { Simulation } from '../simulation.ts';

/** A value, and the time until which the value was current (`Infinity` for the present value). */
type Past<T> = { readonly value: T; until: number };

const untilNow = Infinity;

export const objectKey = (
  resource: Resource,
  { metadata }: { readonly metadata: { readonly namespace?: string; readonly name: string } },
): string => `${resource.plural} ${metadata.namespace ?? ''}/${metadata.name}`;

export type RecentStates = ReturnType<typeof recordStates>;

/**
 * `unawareMs` is the maximum age of a state that the operator may still see, in milliseconds. The functions that return
 * recent states include the present state.
 */
export function recordStates(simulation: Simulation, unawareMs: number) {
  const { server, aws, time } = simulation;
  const objects = new Map<string, Past<StoredObject | undefined>[]>();
  const roles = new Map<string, Past<ObservedRole | undefined>[]>();
  const disturbedAt = new Map<string, number>();
  /** By role: the process that wrote it last (1 is the first process that was started), and the time of the write. */
  const writers = new Map<string, { readonly starts: number; readonly at: number }>();
  const inheritedAt = new Map<string, number>();

  const record = <T>(all: Map<string, Past<T>[]>, key: string, value: T, before: T): void => {
    const past = all.get(key) ?? [{ value: before, until: untilNow }];
    const last = past.at(-1);
    if (last) last.until = time.now();
    past.push({ value, until: untilNow });
    all.set(key, past);
  };
  const recent = <T>(all: Map<string, Past<T>[]>, key: string, present: T, ms = unawareMs): readonly T[] =>
    (all.get(key) ?? [{ value: present, until: untilNow }])
      .filter(({ until }) => until >= time.now() - ms)
      .map(({ value }) => value);
  const recentObjects = (
    resource: Resource,
    name: string,
    ms?: number,
  ): readonly (StoredObject | undefined)[] =>
    recent(objects, `${resource.plural} /${name}`, server.get(resource, name), ms);

  return {
    recordObject(resource: Resource, { type, object, before }: Change): void {
      record(objects, objectKey(resource, object), type === 'DELETED' ? undefined : object, before);
    },
    recordRole({ name, before, after }: RoleChange): void {
      record(roles, name, after, before);
    },
    /** Records that the operator's process wrote the role. */
    recordWriter(name: string): void {
      const last = writers.get(name);
      if (last && last.starts !== simulation.starts()) inheritedAt.set(name, last.at);
      writers.set(name, { starts: simulation.starts(), at: time.now() });
    },
    /** Records an out-of-band change of a role (`role NAME`) or of an object (`objectKey`). */
    disturb(key: string): void {
      disturbedAt.set(key, time.now());
    },
    /** Whether a role or an object was changed out of band during the last `ms` milliseconds. */
    wasDisturbed: (key: string, ms = unawareMs): boolean =>
      (disturbedAt.get(key) ?? -Infinity) >= time.now() - ms,
    /** Whether an earlier process wrote the role during the last `ms` milliseconds. */
    isInherited(name: string, ms: number): boolean {
      const last = writers.get(name);
      const at = last && last.starts !== simulation.starts() ? last.at : inheritedAt.get(name);
      return at !== undefined && at >= time.now() - ms;
    },

    accounts: (name: string): readonly (LinkedServiceAccount | undefined)[] =>
      recentObjects(linkedServiceAccounts, name) as unknown as readonly (LinkedServiceAccount | undefined)[],
    configs: (): readonly ClusterConfig[] =>
      recentObjects(clusterConfigs, 'simulated').flatMap((object) =>
        object ? [object as unknown as ClusterConfig] : [],
      ),
    roles: (name: string, ms = unawareMs): readonly (ObservedRole | undefined)[] =>
      recent(roles, name, aws.roles.get(name), ms),
    /** The account's spec at a generation, however old the generation is. */
    specAt: (
      { name, uid }: LinkedServiceAccount['metadata'],
      generation: number | undefined,
    ): LinkedServiceAccount['spec'] | undefined =>
      (objects.get(`${linkedServiceAccounts.plural} /${name}`) ?? [])
        .map(({ value }) => value as unknown as LinkedServiceAccount | undefined)
        .findLast((past) => past?.metadata.uid === uid && past?.metadata.generation === generation)?.spec,
    /** Recent versions of the Quarantine that names the whole account; undefined while it did not exist. */
    quarantines: (account: string): readonly (StoredObject | undefined)[] =>
      recentObjects(quarantines, account),
    /** Recent versions of each Quarantine that names single pods of the account. */
    podQuarantines(account: string, ms = unawareMs): readonly (readonly (Quarantine | undefined)[])[] {
      const prefix = `${quarantines.plural} /`;
      const names = new Set([
        ...server.list(quarantines).map(({ metadata }) => metadata.name),
        ...[...objects.keys()].flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : [])),
      ]);
      return [...names]
        .map((name) => recentObjects(quarantines, name, ms) as unknown as readonly (Quarantine | undefined)[])
        .filter((versions) => versions.some((one) => one?.spec.account === account && one.spec.pods));
    },
  };
}
