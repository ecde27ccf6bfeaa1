/**
 * Manifests as users write and edit them: without status, and without fields that the API server and other tools
 * maintain.
 */
import type { KonObject } from '../cluster/kinds.ts';

/** Object as a user writes it in a manifest. */
export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: KonObject['spec'];
};

/** Annotation of `kubectl apply` that contains the whole object as text. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

export function presentable(object: KonObject): Manifest {
  const { name, labels } = object.metadata;
  const annotations = Object.fromEntries(
    Object.entries(object.metadata.annotations ?? {}).filter(([key]) => key !== lastApplied),
  );
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name,
      ...(labels && Object.keys(labels).length > 0 ? { labels } : {}),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec: object.spec,
  };
}

/**
 * Fields that the API server fills in. They are removed so that the output of `-o yaml` can be applied again, on this
 * or another cluster.
 */
const serverMetadata: ReadonlySet<string> = new Set([
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'selfLink',
  'finalizers',
  'ownerReferences',
]);

/**
 * Returns the manifest without status and without fields that the API server fills in. All other fields stay, and the
 * API server validates them.
 */
export function writable(manifest: Manifest): Manifest {
  const { status: _status, metadata, ...rest } = manifest as Manifest & { readonly status?: unknown };
  const kept = Object.entries(metadata).filter(([key]) => !serverMetadata.has(key));
  return { ...rest, metadata: Object.fromEntries(kept) as Manifest['metadata'] };
}

/** Lists metadata fields that a manifest must not contain, and that would otherwise be dropped silently. */
export function unknownMetadata(metadata: object): readonly string[] {
  const known = new Set(['name', 'labels', 'annotations', ...serverMetadata]);
  return Object.keys(metadata).filter((key) => !known.has(key));
}
