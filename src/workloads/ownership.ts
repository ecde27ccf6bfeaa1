/** Ownership of an App's objects. Objects of others are left alone. */
import { appLabel, managedByLabel, managedByValue, type App } from '../api/index.ts';
import type { ObservedObject } from './manifest.ts';

/**
 * An object belongs to the App when its controller is this App, by uid. An object without a controller belongs to it when
 * it has our labels, as after `kubectl delete apps.k11n.dev --cascade=orphan` or a restore from a backup: it is adopted
 * again.
 */
export function isOwnedBy(app: App, object: ObservedObject): boolean {
  const controller = object.metadata.ownerReferences?.find((entry) => entry.controller === true);
  if (controller) return controller.uid === app.metadata.uid;
  const { labels } = object.metadata;
  return labels?.[appLabel] === app.metadata.name && labels[managedByLabel] === managedByValue;
}

/** Owner of a foreign object, for messages. */
export function describeOwner(object: ObservedObject): string {
  const controller = object.metadata.ownerReferences?.find((entry) => entry.controller === true);
  return controller
    ? `it is controlled by ${controller.kind} ${controller.name}`
    : "it bears none of this app's marks";
}
