/** An object as a person edits it: without status, and without what the API server and other tools keep in it. */
import type { KonObject } from '../cluster/kinds.ts';
import type { Manifest } from './manifest.ts';

/** Written by `kubectl apply`: the whole object once more, as text. */
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

/** Fields which the API server fills in: what `-o yaml` printed may be written again, here or on another cluster. */
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

/** The manifest without status and without what the API server fills in. Everything else stays, to be judged there. */
export function writable(manifest: Manifest): Manifest {
  const { status: _status, metadata, ...rest } = manifest as Manifest & { readonly status?: unknown };
  const kept = Object.entries(metadata).filter(([key]) => !serverMetadata.has(key));
  return { ...rest, metadata: Object.fromEntries(kept) as Manifest['metadata'] };
}

/** Metadata that a manifest may state. Others would be dropped without a word. */
export function unknownMetadata(metadata: object): readonly string[] {
  const known = new Set(['name', 'labels', 'annotations', ...serverMetadata]);
  return Object.keys(metadata).filter((key) => !known.has(key));
}
