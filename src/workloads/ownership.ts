/** Which objects are an App's own. Whatever is not is left as it is. */
import { appLabel, managedByLabel, managedByValue, type App } from '../api/index.ts';
import type { ObservedObject } from './manifest.ts';

/**
 * An object is the App's when its controller is this very App, by uid. Without any controller it is when it bears
 * our labels: so it is after `kubectl delete apps.k11n.dev --cascade=orphan` or a restore from a backup, and is taken up again.
 */
export function isOwnedBy(app: App, object: ObservedObject): boolean {
  const controller = object.metadata.ownerReferences?.find((entry) => entry.controller === true);
  if (controller) return controller.uid === app.metadata.uid;
  const { labels } = object.metadata;
  return labels?.[appLabel] === app.metadata.name && labels[managedByLabel] === managedByValue;
}

/** Who has the object instead, in a person's words. */
export function describeOwner(object: ObservedObject): string {
  const controller = object.metadata.ownerReferences?.find((entry) => entry.controller === true);
  return controller
    ? `it is controlled by ${controller.kind} ${controller.name}`
    : "it bears none of this app's marks";
}
