/** Reads Events about Konstellation's objects. */
import { resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import type { KonObject } from './kinds.ts';

export type ObjectEvent = {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  /** RFC 3339 time of the last occurrence. */
  readonly lastSeen: string;
  readonly count: number;
};

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
export type EventObject = KubeObject & {
  readonly eventTime?: string | null;
  readonly type?: string;
  readonly reason?: string;
  readonly note?: string;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string } | null;
  readonly deprecatedLastTimestamp?: string | null;
  readonly deprecatedCount?: number;
  readonly regarding?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
};

/** Returns the latest Events about an object, oldest first. */
export async function recentEvents(
  client: KubeClient,
  object: KonObject,
  most: number,
): Promise<readonly ObjectEvent[]> {
  const { items } = await client.list<EventObject>(resources.events, {
    fieldSelector: `regarding.kind=${object.kind},regarding.name=${object.metadata.name}`,
  });
  return items
    .filter((event) => event.regarding?.uid === undefined || event.regarding.uid === object.metadata.uid)
    .map(objectEvent)
    .toSorted((a, b) => Date.parse(a.lastSeen) - Date.parse(b.lastSeen))
    .slice(-most);
}

/** Returns the Events with one reason about all objects of a kind, newest first. */
export async function eventsOfReason(
  client: KubeClient,
  reason: string,
  kind: string,
): Promise<readonly (ObjectEvent & { readonly name: string })[]> {
  const { items } = await client.list<EventObject>(resources.events, {
    fieldSelector: `reason=${reason},regarding.kind=${kind}`,
  });
  return items
    .map((event) => ({ ...objectEvent(event), name: event.regarding?.name ?? '' }))
    .toSorted((a, b) => Date.parse(b.lastSeen) - Date.parse(a.lastSeen));
}

export function objectEvent(event: EventObject): ObjectEvent {
  return {
    type: event.type ?? 'Normal',
    reason: event.reason ?? '',
    message: event.note ?? '',
    lastSeen:
      event.series?.lastObservedTime ??
      event.deprecatedLastTimestamp ??
      event.eventTime ??
      event.metadata.creationTimestamp ??
      '',
    count: event.series?.count ?? event.deprecatedCount ?? 1,
  };
}
