/** Reads and writes objects of Konstellation's kinds, and translates failures to errors of `kon`. */
import { isDeepStrictEqual } from 'node:util';
import { isConflict, isNotFound, type KubeApiError } from '../../kube/errors.ts';
import type { KubeClient } from '../../kube/index.ts';
import { CliError } from '../framework/errors.ts';
import type { Kind, KonObject } from './kinds.ts';
import { presentable, writable, type Manifest } from '../manifest/present.ts';

/** Field manager of all writes that a user makes with `kon`. The operator has its own field manager. */
export const cliFieldManager = 'kon';

const strict = { fieldManager: cliFieldManager, fieldValidation: 'Strict' } as const;

/** Maximum number of attempts for a write that conflicts with the operator's frequent status updates. */
const writeAttempts = 20;

export async function findObject<T extends KonObject>(
  client: KubeClient,
  kind: Kind<T>,
  name: string,
): Promise<T | undefined> {
  try {
    return await client.get<T & Mutable>(kind.resource, { name });
  } catch (error) {
    if (isMissingObject(error)) return undefined;
    throw error;
  }
}

/** Resolves to undefined if the object, its namespace or its kind does not exist. */
export async function orMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Mutable, because KubeClient requires mutable types. This module does not change the objects. */
type Mutable = { apiVersion: string; kind: string; metadata: { name: string } };

/**
 * Whether the object does not exist. A response without an object name means that the resource type does not exist.
 */
function isMissingObject(error: unknown): error is KubeApiError {
  return isNotFound(error) && error.details?.name !== undefined;
}

/** @throws CliError of code NOT_FOUND */
export async function getObject<T extends KonObject>(
  client: KubeClient,
  kind: Kind<T>,
  name: string,
  purpose?: Purpose,
): Promise<T> {
  const found = await findObject(client, kind, name);
  if (!found) throw notFound(kind, name, purpose);
  return found;
}

/**
 * Reason why a command reads an object. If the object is missing, the error suggests creating the object, but only if
 * the purpose is `change`.
 */
export type Purpose = 'read' | 'change' | 'delete';

export function notFound(kind: Kind, name: string, purpose: Purpose = 'read'): CliError {
  const { list, create } = kind.advice;
  return new CliError('NOT_FOUND', `${kind.noun} "${name}" not found`, {
    next: [
      `List the ${kind.noun}s: ${list}`,
      ...(create && purpose === 'change' ? [`Create the ${kind.noun}: ${create(name)}`] : []),
    ],
  });
}

/**
 * Refuses to change an object that is being deleted: the operator no longer applies changes to its spec.
 * @throws CliError of code CONFLICT
 */
export function requireNotDeleting(kind: Kind, { metadata }: KonObject): void {
  if (metadata.deletionTimestamp === undefined) return;
  throw new CliError(
    'CONFLICT',
    `${kind.noun} "${metadata.name}" is being deleted, so it cannot be changed`,
    {
      next: [
        ...(kind.advice.create
          ? [`To wait until the deletion is complete: kon ${kind.noun} delete ${metadata.name}`]
          : []),
        `Show what blocks the deletion: ${kind.advice.show(metadata.name)}`,
      ],
    },
  );
}

export function alreadyExists(kind: Kind, name: string): CliError {
  return new CliError('ALREADY_EXISTS', `${kind.noun} "${name}" already exists`, {
    next: [
      `Change the ${kind.noun}: ${kind.advice.edit(name)}`,
      `Show the ${kind.noun}: ${kind.advice.show(name)}`,
    ],
  });
}

export async function listObjects<T extends KonObject>(
  client: KubeClient,
  kind: Kind<T>,
  labelSelector?: string,
): Promise<T[]> {
  const { items } = await client.list<T & Mutable>(
    kind.resource,
    labelSelector === undefined ? {} : { labelSelector },
  );
  return items;
}

/** In a dry run, the API server applies the schema, defaults and admission policies, but saves nothing. */
export type WriteMode = { readonly dryRun?: boolean };

export async function createObject<T extends KonObject>(
  client: KubeClient,
  kind: Kind<T>,
  manifest: Manifest,
  options: WriteMode = {},
): Promise<T> {
  return (await client.create(kind.resource, writable(manifest), { ...strict, ...options })) as unknown as T;
}

export type Replacement<T> =
  | { readonly kind: 'written'; readonly object: T; readonly changed: boolean }
  /** The object has changed since the manifest was derived from it. Nothing was written. */
  | { readonly kind: 'changed-meanwhile'; readonly current: T };

/**
 * Replaces the object with a manifest that was derived from it. Only changes to fields that `presentable` shows count
 * as concurrent changes, because the operator can write the status at any time.
 */
export async function replaceObject<T extends KonObject>(
  client: KubeClient,
  kind: Kind<T>,
  base: T,
  manifest: Manifest,
  mode: WriteMode = {},
): Promise<Replacement<T>> {
  let current = base;
  for (let attempt = 1; ; attempt += 1) {
    const { metadata, spec, ...rest } = manifest;
    const next = {
      ...rest,
      ...(current.status === undefined ? {} : { status: current.status }),
      metadata: withVisibleMetadata(current, metadata),
      spec,
    };
    try {
      const object = (await client.update(kind.resource, next, { ...strict, ...mode })) as unknown as T;
      return {
        kind: 'written',
        object,
        // Compares the contents, because the resourceVersion also changes when the API server stores defaults in the
        // status.
        changed: !isDeepStrictEqual(presentable(object), presentable(current)),
      };
    } catch (error) {
      if (!isConflict(error) || attempt === writeAttempts) throw error;
    }
    current = await getObject(client, kind, base.metadata.name);
    if (
      current.metadata.uid !== base.metadata.uid ||
      !isDeepStrictEqual(presentable(current), presentable(base))
    )
      return { kind: 'changed-meanwhile', current };
  }
}

/**
 * Lists the consequences of a write. If the consequences are serious, asks for consent.
 * @throws Declined
 */
export type Consent<T> = (current: T, next: Manifest) => Promise<void>;

/** Applies a change to the current spec, so that concurrent changes by others are kept. */
export async function changeSpec<T extends KonObject>(
  client: KubeClient,
  kind: Kind<T>,
  name: string,
  change: (current: T) => T['spec'],
  mode: WriteMode & {
    readonly annotations?: (current: T) => Readonly<Record<string, string>>;
    readonly consent?: Consent<T>;
  } = {},
): Promise<{ readonly object: T; readonly changed: boolean }> {
  for (;;) {
    const current = await getObject(client, kind, name, 'change');
    requireNotDeleting(kind, current);
    const shown = presentable(current);
    const annotations = { ...shown.metadata.annotations, ...mode.annotations?.(current) };
    const metadata =
      Object.keys(annotations).length > 0 ? { ...shown.metadata, annotations } : shown.metadata;
    const next = { ...shown, metadata, spec: change(current) };
    if (isDeepStrictEqual(next, shown)) return { object: current, changed: false };
    await mode.consent?.(current, next);
    const outcome = await replaceObject(client, kind, current, next, { dryRun: mode.dryRun ?? false });
    if (outcome.kind === 'written') return outcome;
  }
}

/**
 * Replaces labels and annotations with the manifest's labels and annotations, and keeps the metadata that `presentable`
 * hides.
 */
function withVisibleMetadata(
  current: KonObject,
  shown: Manifest['metadata'],
): Manifest['metadata'] & { readonly resourceVersion?: string } {
  const { labels: _labels, annotations, ...kept } = current.metadata;
  const visible = presentable(current).metadata.annotations ?? {};
  const hidden = Object.entries(annotations ?? {}).filter(([key]) => !(key in visible));
  const nextAnnotations = { ...Object.fromEntries(hidden), ...shown.annotations };
  return {
    ...kept,
    name: current.metadata.name,
    ...(shown.labels ? { labels: shown.labels } : {}),
    ...(Object.keys(nextAnnotations).length > 0 ? { annotations: nextAnnotations } : {}),
  };
}
