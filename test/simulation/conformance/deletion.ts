/** Conformance cases: deletions, finalizers, garbage collection and namespaces. */
import { linkedServiceAccounts, type LinkedServiceAccount } from '../../../src/api/index.ts';
import { KubeApiError, resources, type KubeObject } from '../../../src/kube/index.ts';
import { type ConformanceCase, type Loose, verdict, configMap, account, versionOf, ref } from './case.ts';

export const deletionCases: readonly ConformanceCase[] = [
  {
    name: 'a deletion checks its preconditions',
    async run({ client, namespace }) {
      const made = await client.create(resources.configMaps, configMap(namespace, 'a', {}));
      const { uid, resourceVersion } = made.metadata;
      const remove = (wanted: { uid?: string; resourceVersion?: string }): Promise<string> =>
        verdict(
          client.delete(resources.configMaps, ref(namespace, 'a'), {
            uid: wanted.uid,
            resourceVersion: wanted.resourceVersion,
          }),
        );
      return [
        await remove({ uid: 'other' }),
        await remove({ resourceVersion: '1' }),
        await remove({ ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) }),
        await remove({}),
      ];
    },
    sees: ['409 Conflict', '409 Conflict', 'done', '404 NotFound'],
  },
  {
    name: 'an object that is being deleted exists until its last finalizer is removed',
    async run({ client, namespace }) {
      const finalizers = ['k11n.dev/test'];
      await client.create(linkedServiceAccounts, account(namespace, {}, { metadata: { finalizers } }));
      await client.delete(linkedServiceAccounts, { name: namespace });
      const going = await client.get<LinkedServiceAccount>(linkedServiceAccounts, { name: namespace });
      const seen = [
        going.metadata.deletionTimestamp !== undefined,
        going.metadata.generation,
        await verdict(client.delete(linkedServiceAccounts, { name: namespace })),
        await verdict(client.create(linkedServiceAccounts, account(namespace))),
      ];
      const patch = (list: readonly string[]): Promise<Loose> =>
        client.patch<Loose>(
          linkedServiceAccounts,
          { name: namespace },
          { metadata: { finalizers: list } },
          { type: 'merge' },
        );
      seen.push(await verdict(patch([...finalizers, 'k11n.dev/other'])));
      const last = await patch([]);
      return [
        ...seen,
        last.metadata.finalizers ?? 'no finalizers',
        last.metadata.deletionTimestamp !== undefined,
        versionOf(last) === versionOf(going),
        await verdict(client.get(linkedServiceAccounts, { name: namespace })),
      ];
    },
    sees: [true, 2, 'done', '409 AlreadyExists', '422 Invalid', 'no finalizers', true, true, '404 NotFound'],
  },
  {
    name: 'an object that is being deleted can be edited, and its deletion cannot be cancelled',
    async run({ client, namespace }) {
      await client.create(
        linkedServiceAccounts,
        account(namespace, {}, { metadata: { finalizers: ['k11n.dev/test'] } }),
      );
      await client.delete(linkedServiceAccounts, { name: namespace });
      const going = await client.get<Loose>(linkedServiceAccounts, { name: namespace });
      const { deletionTimestamp: _, ...metadata } = going.metadata;
      const edited = await client.update<Loose>(linkedServiceAccounts, {
        ...going,
        metadata: { ...metadata, generation: 99 },
        spec: { ...going.spec, deletionPolicy: 'Retain' },
      });
      return [
        edited.metadata.deletionTimestamp === going.metadata.deletionTimestamp,
        edited.metadata.generation,
        edited.spec?.deletionPolicy,
      ];
    },
    sees: [true, 3, 'Retain'],
  },
  {
    name: 'nothing is created in a missing namespace, and no token is issued',
    async run({ client, namespace }) {
      const nowhere = `${namespace}-none`;
      const spec = { audiences: ['sts.amazonaws.com'], expirationSeconds: 600 };
      return [
        await verdict(client.create(resources.configMaps, configMap(nowhere, 'a', {}))),
        await verdict(
          client.apply(resources.configMaps, configMap(nowhere, 'a', {}), { fieldManager: 'one' }),
        ),
        await verdict(client.createToken(ref(nowhere, 'a'), spec)),
        await verdict(client.createToken(ref(namespace, 'a'), spec)),
      ];
    },
    sees: ['404 NotFound', '404 NotFound', '404 NotFound', '404 NotFound'],
  },
  {
    name: 'nothing is created in a terminating namespace, and existing objects can be changed and deleted',
    async run({ client, namespace }) {
      await client.create(resources.configMaps, configMap(namespace, 'a', { x: '1' }));
      await client.delete(resources.namespaces, { name: namespace });
      const home = await client.get<Loose>(resources.namespaces, { name: namespace });
      const create = client.create(resources.configMaps, configMap(namespace, 'b', {}));
      const causes = await create.then(
        () => [],
        (error: unknown) => (error instanceof KubeApiError ? error.causes.map(({ reason }) => reason) : []),
      );
      return [
        home.metadata.deletionTimestamp !== undefined,
        home.status?.phase,
        await verdict(create),
        causes,
        await verdict(client.update(resources.configMaps, configMap(namespace, 'a', { x: '2' }))),
        await verdict(client.delete(resources.configMaps, ref(namespace, 'a'))),
      ];
    },
    sees: [true, 'Terminating', '403 Forbidden', ['NamespaceTerminating'], 'done', 'done'],
  },
  {
    name: 'a scheduled pod gets its grace period, and is deleted at once without one',
    async run({ client, namespace }) {
      const pod = (name: string, more: object): KubeObject =>
        ({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name, namespace },
          spec: { containers: [{ name: 'c', image: 'i' }], ...more },
        }) as KubeObject;
      const made = await client.create<Loose>(resources.pods, pod('a', { nodeName: 'n' }));
      await client.create(resources.pods, pod('b', {}));
      await client.delete(resources.pods, ref(namespace, 'a'));
      await client.delete(resources.pods, ref(namespace, 'b'));
      const { metadata } = await client.get<KubeObject>(resources.pods, ref(namespace, 'a'));
      await client.delete(resources.pods, ref(namespace, 'a'), { gracePeriodSeconds: 0 });
      return [
        made.status?.phase,
        metadata.deletionTimestamp !== undefined,
        metadata.deletionGracePeriodSeconds,
        await verdict(client.get(resources.pods, ref(namespace, 'a'))),
        await verdict(client.get(resources.pods, ref(namespace, 'b'))),
      ];
    },
    sees: ['Pending', true, 30, '404 NotFound', '404 NotFound'],
  },
  {
    name: 'an eviction deletes a pod',
    async run({ client, namespace }) {
      const evict = async (name: string): Promise<number> => {
        const answer = await client.raw({
          method: 'POST',
          path: `/api/v1/namespaces/${namespace}/pods/${name}/eviction`,
          body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } },
        });
        return answer.status;
      };
      await client.create(resources.pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'a', namespace },
        spec: { containers: [{ name: 'c', image: 'i' }] },
      } as KubeObject);
      return [
        await evict('none'),
        await evict('a'),
        await verdict(client.get(resources.pods, ref(namespace, 'a'))),
      ];
    },
    sees: [404, 201, '404 NotFound'],
  },
  {
    name: 'the dependents of a deleted object are deleted after that object',
    async run({ client, namespace, pause }) {
      const owner = await client.create(resources.configMaps, configMap(namespace, 'owner', {}));
      const ownerReferences = [
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid ?? '' },
      ];
      await client.create(resources.configMaps, configMap(namespace, 'owned', {}, { ownerReferences }));
      await client.create(resources.configMaps, configMap(namespace, 'other', {}));
      await client.delete(resources.configMaps, ref(namespace, 'owner'));
      const gone = (): Promise<string> => verdict(client.get(resources.configMaps, ref(namespace, 'owned')));
      for (let tries = 0; tries < 100 && (await gone()) === 'done'; tries += 1) await pause(100);
      return [await gone(), await verdict(client.get(resources.configMaps, ref(namespace, 'other')))];
    },
    sees: ['404 NotFound', 'done'],
  },
];
