/** Conformance cases: watches and streaming lists. */
import { resources, type KubeObject, type WatchEvent } from '../../../src/kube/index.ts';
import { type ConformanceCase, type Loose, verdict, configMap, versionOf, ref, firstEvents } from './case.ts';

export const watchesCases: readonly ConformanceCase[] = [
  {
    name: 'a watch reports every change after its version, in order',
    async run(context) {
      const { client, namespace } = context;
      const { resourceVersion } = await client.list(resources.configMaps, { namespace });
      await client.create(resources.configMaps, configMap(namespace, 'b', {}));
      await client.create(resources.configMaps, configMap(namespace, 'a', {}));
      await client.update(resources.configMaps, configMap(namespace, 'b', { x: '1' }));
      await client.delete(resources.configMaps, ref(namespace, 'b'));
      return firstEvents(context, { resourceVersion }, 4);
    },
    sees: ['ADDED b', 'ADDED a', 'MODIFIED b', 'DELETED b'],
  },
  {
    name: 'an event of a deletion has its own version',
    async run({ client, namespace }) {
      const made = await client.create(resources.configMaps, configMap(namespace, 'a', {}));
      await client.delete(resources.configMaps, ref(namespace, 'a'));
      const { resourceVersion = '' } = made.metadata;
      const events: AsyncIterable<WatchEvent<KubeObject>> = client.watch(resources.configMaps, {
        namespace,
        resourceVersion,
      });
      for await (const event of events)
        if (event.type === 'DELETED')
          return [versionOf(event.object) > versionOf(made), event.object.metadata.uid === made.metadata.uid];
      return 'ended';
    },
    sees: [true, true],
  },
  {
    name: 'a watch with a selector reports an object that stops matching as deleted, and an object that starts matching as added',
    async run(context) {
      const { client, namespace } = context;
      const { resourceVersion } = await client.list(resources.configMaps, { namespace });
      const label = (value: string): Promise<Loose> =>
        client.patch<Loose>(
          resources.configMaps,
          ref(namespace, 'a'),
          { metadata: { labels: { on: value } } },
          { type: 'merge' },
        );
      await client.create(resources.configMaps, configMap(namespace, 'a', {}, { labels: { on: 'yes' } }));
      await label('no');
      await client.patch(resources.configMaps, ref(namespace, 'a'), { data: { x: '1' } }, { type: 'merge' });
      await label('yes');
      await client.delete(resources.configMaps, ref(namespace, 'a'));
      return firstEvents(context, { resourceVersion, labelSelector: 'on=yes' }, 4);
    },
    sees: ['ADDED a', 'DELETED a', 'ADDED a', 'DELETED a'],
  },
  {
    name: 'a streaming list reports the existing objects, then the end of the list, then changes',
    async run(context) {
      const { client, namespace } = context;
      await client.create(resources.configMaps, configMap(namespace, 'b', {}));
      await client.create(resources.configMaps, configMap(namespace, 'a', {}));
      const events = firstEvents(context, { sendInitialEvents: true, allowBookmarks: true }, 4);
      const refused = verdict(events);
      await context.pause(500);
      await client.create(resources.configMaps, configMap(namespace, 'c', {}));
      if ((await refused) !== 'done') return refused;
      const seen = await events;
      return [seen.slice(0, 2).toSorted(), ...seen.slice(2)];
    },
    sees: [['ADDED a', 'ADDED b'], 'BOOKMARK, the last initial', 'ADDED c'],
    // Streaming lists are enabled by default since Kubernetes 1.34 (and in 1.32), so the oldest supported version
    // refuses them.
    seesOnOldest: '422 Invalid',
  },
];
