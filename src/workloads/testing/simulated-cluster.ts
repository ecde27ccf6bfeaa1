/**
 * Simulated cluster. It executes the steps of a plan, and later plans read its state. It simulates server-side apply by
 * one manager, and the API server's defaults and normalization of quantities. Integration tests check the same
 * properties on a real API server.
 */
import type { Manifest, ObservedObject } from '../manifest.ts';
import type { AppPlan } from '../plan.ts';
import type { Scaling } from '../replicas.ts';

type Path = readonly (string | number)[];

export type SimulatedCluster = {
  objects(): readonly ObservedObject[];
  /** Executes the apply and delete steps of a plan. Returns the number of executed steps. */
  applySteps(plan: AppPlan): number;
  /** Sets a field of all objects of a kind, as a person with kubectl would. `undefined` removes the field. */
  edit(kind: string, path: Path, value: unknown): void;
  put(object: ObservedObject): void;
};

export function simulatedCluster(): SimulatedCluster {
  const objects = new Map<string, ObservedObject>();
  const keyOf = ({ kind, metadata }: ObservedObject): string =>
    `${kind} ${metadata.namespace}/${metadata.name}`;
  return {
    objects: () => [...objects.values()],
    applySteps(plan) {
      const steps = [...plan.targets.flatMap((target) => target.steps), ...plan.removals];
      for (const step of steps) {
        if (step.kind === 'apply') {
          const key = keyOf(step.manifest);
          objects.set(key, stored(step.manifest, objects.get(key)));
        }
        if (step.kind === 'scale') {
          const key = keyOf(step.deployment);
          objects.set(key, scaled(objects.get(key), step.scaling));
        }
        if (step.kind === 'delete') objects.delete(keyOf(step.object));
      }
      return steps.length;
    },
    edit(kind, path, value) {
      for (const [key, object] of objects)
        if (object.kind === kind) objects.set(key, withValue(object, path, value) as ObservedObject);
    },
    put: (object) => objects.set(keyOf(object), object),
  };
}

function stored(manifest: Manifest, before: ObservedObject | undefined): ObservedObject {
  const rewritten: unknown = JSON.parse(JSON.stringify(manifest), (key, value: unknown) =>
    key === 'cpu' && typeof value === 'string' ? inMillis(value) : value,
  );
  const uid = before?.metadata.uid ?? `uid of ${manifest.kind}`;
  let object = withValue(rewritten, ['metadata', 'uid'], uid);
  if (manifest.kind === 'Deployment') {
    if (manifest.spec?.replicas === undefined)
      object = withValue(object, ['spec', 'replicas'], valueAt(before, ['spec', 'replicas']) ?? 1);
    object = withValue(object, ['spec', 'progressDeadlineSeconds'], 600);
    // The status changes at once, as if the Deployment controller and the pods reacted immediately.
    const replicas = valueAt(object, ['spec', 'replicas']);
    object = withValue(object, ['metadata', 'generation'], 1);
    object = withValue(object, ['status'], {
      observedGeneration: 1,
      replicas,
      updatedReplicas: replicas,
      readyReplicas: replicas,
      availableReplicas: replicas,
    });
    object = withValue(object, ['spec', 'template', 'spec', 'dnsPolicy'], 'ClusterFirst');
  }
  return object as ObservedObject;
}

function scaled(object: ObservedObject | undefined, { replicas, annotations }: Scaling): ObservedObject {
  let next: unknown = object;
  for (const [name, value] of Object.entries(annotations))
    next = withValue(next, ['metadata', 'annotations', name], value ?? undefined);
  if (replicas !== undefined) next = withValue(next, ['spec', 'replicas'], replicas);
  return next as ObservedObject;
}

function inMillis(value: string): string {
  if (value.endsWith('m')) return value;
  const millis = Math.round(Number(value) * 1000);
  return millis % 1000 === 0 ? String(millis / 1000) : `${millis}m`;
}

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (node, key) => (typeof node === 'object' && node !== null ? Reflect.get(node, key) : undefined),
    value,
  );
}

/** Returns a copy of `value` with `field` at `path`. */
function withValue(value: unknown, path: Path, field: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return field;
  const child = withValue(valueAt(value, [key]), rest, field);
  if (Array.isArray(value)) return value.with(Number(key), child);
  const { [key]: _old, ...others } = value as Record<string | number, unknown>;
  return child === undefined ? others : { ...others, [key]: child };
}
