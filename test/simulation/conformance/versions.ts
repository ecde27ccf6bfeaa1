/** Conformance cases: preconditions of writes (resource versions and uids). */
import { linkedServiceAccounts } from '../../../src/api/index.ts';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import {
  type ConformanceCase,
  type Loose,
  verdict,
  configMap,
  serviceAccount,
  account,
  status,
  asOperator,
  versionOf,
  ref,
  firstEvents,
} from './case.ts';

export const versionsCases: readonly ConformanceCase[] = [
  {
    name: 'resource versions increase with each write to any kind',
    async run({ client, namespace }) {
      const first = await client.create(resources.configMaps, configMap(namespace, 'a', { x: '1' }));
      const second = await client.create(resources.serviceAccounts, serviceAccount(namespace, 'a'));
      const third = await client.update(resources.configMaps, configMap(namespace, 'a', { x: '2' }));
      return [versionOf(first) < versionOf(second), versionOf(second) < versionOf(third)];
    },
    sees: [true, true],
  },
  {
    name: 'an existing object is not created again, and a recreated object has another uid',
    async run({ client, namespace }) {
      const first = await client.create(resources.configMaps, configMap(namespace, 'a', {}));
      const again = await verdict(client.create(resources.configMaps, configMap(namespace, 'a', {})));
      await client.delete(resources.configMaps, ref(namespace, 'a'));
      const second = await client.create(resources.configMaps, configMap(namespace, 'a', {}));
      return [again, first.metadata.uid === second.metadata.uid];
    },
    sees: ['409 AlreadyExists', false],
  },
  {
    name: 'an update with an old version or another uid is a conflict',
    async run({ client, namespace }) {
      const made = await client.create(resources.configMaps, configMap(namespace, 'a', { x: '1' }));
      await client.update(resources.configMaps, configMap(namespace, 'a', { x: '2' }));
      const { resourceVersion = '' } = made.metadata;
      return [
        await verdict(
          client.update(resources.configMaps, configMap(namespace, 'a', {}, { resourceVersion })),
        ),
        await verdict(client.update(resources.configMaps, configMap(namespace, 'a', {}, { uid: 'other' }))),
        await verdict(client.update(resources.configMaps, configMap(namespace, 'b', {}))),
      ];
    },
    sees: ['409 Conflict', '409 Conflict', '404 NotFound'],
  },
  {
    name: 'an update of a custom resource without its resource version is refused',
    async run({ client, namespace }) {
      await client.create(linkedServiceAccounts, account(namespace));
      return verdict(client.update(linkedServiceAccounts, account(namespace, { deletionPolicy: 'Retain' })));
    },
    sees: '422 Invalid',
  },
  {
    name: 'a patch with an old version is a conflict, a patch with another uid is invalid, and the version is checked first',
    async run({ client, namespace }) {
      const made = await client.create(resources.serviceAccounts, serviceAccount(namespace, 'a'));
      const patch = (metadata: object): Promise<string> =>
        verdict(
          client.patch(resources.serviceAccounts, ref(namespace, 'a'), { metadata }, { type: 'merge' }),
        );
      const { resourceVersion, uid } = made.metadata;
      return [
        await patch({ resourceVersion: '1', labels: { a: 'b' } }),
        await patch({ uid: 'other', labels: { a: 'b' } }),
        await patch({ uid: 'other', resourceVersion: '1', labels: { a: 'b' } }),
        await patch({ uid, resourceVersion, labels: { a: 'b' } }),
      ];
    },
    sees: ['409 Conflict', '422 Invalid', '409 Conflict', 'done'],
  },
  {
    name: 'an apply with an old version is a conflict, an apply with another uid is invalid, and an apply with a uid creates nothing',
    async run({ client, namespace }) {
      await client.create(resources.configMaps, configMap(namespace, 'a', { x: '1' }));
      const apply = (name: string, metadata: Partial<KubeObject['metadata']>): Promise<string> =>
        verdict(
          client.apply(resources.configMaps, configMap(namespace, name, { y: '1' }, metadata), {
            fieldManager: 'one',
            force: true,
          }),
        );
      return [
        await apply('a', { resourceVersion: '1' }),
        await apply('a', { uid: 'other' }),
        await apply('b', { uid: 'other' }),
        await apply('c', {}),
      ];
    },
    sees: ['409 Conflict', '422 Invalid', '409 Conflict', 'done'],
  },
  {
    name: 'an apply to a status checks the version but not the uid',
    async run({ client, namespace }) {
      const made = await client.create(linkedServiceAccounts, account(namespace));
      const apply = (
        metadata: Partial<KubeObject['metadata']>,
        observedGeneration: number,
      ): Promise<string> =>
        verdict(
          client.apply(
            linkedServiceAccounts,
            status(namespace, { observedGeneration }, metadata),
            asOperator,
          ),
        );
      return [
        await apply({ resourceVersion: made.metadata.resourceVersion ?? '' }, 1),
        await apply({ resourceVersion: made.metadata.resourceVersion ?? '' }, 2),
        await apply({ uid: 'other' }, 3),
        await verdict(
          client.apply(linkedServiceAccounts, status(`${namespace}-none`, {}, { uid: 'other' }), asOperator),
        ),
      ];
    },
    sees: ['done', '409 Conflict', 'done', '404 NotFound'],
  },
  {
    name: 'a write that changes nothing creates no version, and no watch reports it',
    async run(context) {
      const { client, namespace } = context;
      const made = await client.create(resources.configMaps, configMap(namespace, 'a', { x: '1' }));
      const put = await client.update(resources.configMaps, configMap(namespace, 'a', { x: '1' }));
      const patched = await client.patch<Loose>(
        resources.configMaps,
        ref(namespace, 'a'),
        { data: { x: '1' } },
        { type: 'merge' },
      );
      const applied = await client.apply(resources.configMaps, configMap(namespace, 'b', { x: '1' }), {
        fieldManager: 'one',
      });
      const again = await client.apply(resources.configMaps, configMap(namespace, 'b', { x: '1' }), {
        fieldManager: 'one',
      });
      await client.create(resources.configMaps, configMap(namespace, 'c', {}));
      return [
        versionOf(put) === versionOf(made),
        versionOf(patched) === versionOf(made),
        versionOf(again) === versionOf(applied),
        await firstEvents(context, { resourceVersion: made.metadata.resourceVersion ?? '' }, 2),
      ];
    },
    sees: [true, true, true, ['ADDED b', 'ADDED c']],
  },
];
