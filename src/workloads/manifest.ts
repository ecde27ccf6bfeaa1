/** Manifests of the objects that Apps create, and functions that compare manifests with objects in the cluster. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { ObjectMeta } from '../k8s/metadata.ts';
import { isSameQuantity } from './quantity.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta & { readonly namespace: string };
  /** Spec of the object; present for every kind except ConfigMap. */
  readonly spec?: JsonObject;
  readonly data?: Readonly<Record<string, string>>;
  readonly immutable?: true;
};

/** Object, as read from the cluster, whose kind is one that Apps create. */
export type ObservedObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
};

/**
 * Annotation on each object of an App: digest of the applied manifest. The digest is needed to detect that a field was
 * removed from the manifest. A comparison of fields could not distinguish such a field from a field of another manager.
 */
const appliedHashAnnotation = 'k11n.dev/applied-hash';

/** Returns the manifest with its digest in `appliedHashAnnotation`. */
export function seal(manifest: Manifest): Manifest {
  return {
    ...manifest,
    metadata: {
      ...manifest.metadata,
      annotations: { ...manifest.metadata.annotations, [appliedHashAnnotation]: digestOf(manifest) },
    },
  };
}

/** Digest of a value. The digest does not depend on the order of fields. */
export function digestOf(value: unknown): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(sortKeys(value))))).slice(0, 16);
}

/**
 * Whether applying `wanted`, a manifest from `seal`, would leave `observed` unchanged. The comparison includes the
 * annotation with the digest.
 */
export function isInSync(wanted: Manifest, observed: ObservedObject): boolean {
  return covers(observed, wanted);
}

/**
 * Whether `observed` has every value of `wanted`. Additional values belong to other managers (defaults of the API
 * server, replicas of an autoscaler, annotations of an injector) and survive a server-side apply.
 */
export function covers(observed: unknown, wanted: unknown, field = ''): boolean {
  if (isEmpty(wanted) && observed === undefined) return true;
  if (Array.isArray(wanted)) return Array.isArray(observed) && coversList(observed, wanted, field);
  if (isObject(wanted)) {
    return (
      isObject(observed) && Object.entries(wanted).every(([key, value]) => covers(observed[key], value, key))
    );
  }
  if (observed === wanted) return true;
  return typeof wanted === 'string' && typeof observed === 'string' && isSameQuantity(observed, wanted);
}

/**
 * Whether the API server omits the value when it writes JSON (`omitempty` in Go). `false` is not omitted, since the
 * relevant fields are pointers in Go.
 */
function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

/**
 * List fields that are treated as maps by server-side apply, each with the function that returns an item's key. All
 * other lists are atomic.
 * Source: `x-kubernetes-list-map-keys` in the OpenAPI document of Kubernetes.
 */
const listKeys: Readonly<Record<string, (item: JsonObject) => Json | undefined>> = {
  containers: (item) => item.name,
  env: (item) => item.name,
  imagePullSecrets: (item) => item.name,
  ownerReferences: (item) => item.uid,
  volumes: (item) => item.name,
  volumeMounts: (item) => item.mountPath,
  ports: (item) => JSON.stringify([item.containerPort ?? item.port, item.protocol]),
};

function coversList(observed: readonly unknown[], wanted: readonly unknown[], field: string): boolean {
  const keyOf = listKeys[field];
  if (!keyOf)
    return observed.length === wanted.length && wanted.every((item, index) => covers(observed[index], item));
  const byKey = new Map(observed.map((item) => [keyOf(item as JsonObject), item]));
  return wanted.every((item) => covers(byKey.get(keyOf(item as JsonObject)), item));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sortKeys(value[key])]),
  );
}
