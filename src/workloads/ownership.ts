/** Ownership of objects by an App. The operator never changes objects that the App does not own. */
import { appLabel, managedByLabel, managedByValue, type App } from '../api/index.ts';
import type { ObservedObject } from './manifest.ts';

/**
 * Whether the object belongs to the App: its controller reference has the uid of the App. An object without a
 * controller belongs to the App if it has this project's labels. Such objects remain, for example, after `kubectl
 * delete apps.k11n.dev --cascade=orphan` or a restore from a backup. The operator then adopts the object again.
 */
export function isOwnedBy(app: App, object: ObservedObject): boolean {
  const controller = object.metadata.ownerReferences?.find((entry) => entry.controller === true);
  if (controller) return controller.uid === app.metadata.uid;
  const { labels } = object.metadata;
  return labels?.[appLabel] === app.metadata.name && labels[managedByLabel] === managedByValue;
}

/** Describes, for messages, who owns an object that the App does not own. */
export function describeOwner(object: ObservedObject): string {
  const controller = object.metadata.ownerReferences?.find((entry) => entry.controller === true);
  return controller
    ? `it is controlled by ${controller.kind} ${controller.name}`
    : "it does not have this app's labels";
}
