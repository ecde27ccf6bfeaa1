/** Conformance cases: server-side apply and field managers. */
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
  ref,
} from './case.ts';

/** Returns the field managers that own the annotation, from `managedFields`. */
function annotators(object: KubeObject, annotation: string): readonly string[] {
  return (object.metadata.managedFields ?? [])
    .filter((entry) => {
      const metadata = entry.fieldsV1?.['f:metadata'] as Record<string, object> | undefined;
      return `f:${annotation}` in (metadata?.['f:annotations'] ?? {});
    })
    .map(({ manager = '' }) => manager)
    .sort();
}

export const applyCases: readonly ConformanceCase[] = [
  {
    name: 'fields that a manager no longer applies are removed, unless another manager owns them too',
    async run({ client, namespace }) {
      const apply = (fieldManager: string, data: Record<string, string>): Promise<Loose> =>
        client.apply(resources.configMaps, configMap(namespace, 'a', data), { fieldManager });
      await apply('one', { a: '1', b: '1' });
      const shared = await apply('two', { a: '1', c: '1' });
      const without = await apply('one', {});
      const empty = await apply('two', {});
      return [shared.data, without.data, empty.data ?? 'none'];
    },
    sees: [{ a: '1', b: '1', c: '1' }, { a: '1', c: '1' }, 'none'],
  },
  {
    name: 'a field of another manager is a conflict, unless the apply is forced',
    async run({ client, namespace }) {
      const apply = (fieldManager: string, value: string, force: boolean): Promise<Loose> =>
        client.apply(resources.configMaps, configMap(namespace, 'a', { x: value }), { fieldManager, force });
      await apply('one', '1', false);
      const seen = [await verdict(apply('two', '2', false)), await verdict(apply('two', '1', false))];
      const taken = await apply('two', '2', true);
      // The first manager no longer owns the field, so omitting the field removes nothing.
      const left = await client.apply(resources.configMaps, configMap(namespace, 'a', undefined), {
        fieldManager: 'one',
      });
      return [...seen, taken.data, left.data];
    },
    sees: ['409 Conflict', 'done', { x: '2' }, { x: '2' }],
  },
  {
    name: 'a field that a forced apply takes from an update belongs to the applier, and is removed when it is no longer applied',
    async run({ client, namespace }) {
      await client.create(resources.configMaps, configMap(namespace, 'a', { x: '1' }), {
        fieldManager: 'kubectl',
      });
      const apply = (data: Record<string, string>, force: boolean): Promise<Loose> =>
        client.apply(resources.configMaps, configMap(namespace, 'a', data), { fieldManager: 'one', force });
      const refused = await verdict(apply({ x: '2' }, false));
      const taken = await apply({ x: '2' }, true);
      const gone = await apply({}, true);
      return [refused, taken.data, gone.data ?? 'none'];
    },
    sees: ['409 Conflict', { x: '2' }, 'none'],
  },
  {
    name: 'an applied status loses the fields and rows that it no longer contains',
    async run({ client, namespace }) {
      await client.create(linkedServiceAccounts, account(namespace));
      const row = (name: string): object => ({ name, linked: true, proven: false });
      const apply = (of: object): Promise<Loose> =>
        client.apply(linkedServiceAccounts, status(namespace, of), asOperator);
      const first = await apply({ observedGeneration: 1, roleArn: 'arn', targets: [row('p'), row('q')] });
      const second = await apply({ observedGeneration: 1, targets: [row('q')] });
      const third = await apply({ observedGeneration: 1, targets: [row('z'), row('b')] });
      return [first, second, third].map(({ status: reported }) => [
        reported?.roleArn ?? 'no role',
        ((reported?.targets ?? []) as readonly { name: string }[]).map(({ name }) => name),
      ]);
    },
    sees: [
      ['arn', ['p', 'q']],
      ['no role', ['q']],
      ['no role', ['z', 'b']],
    ],
  },
  {
    name: 'an apply creates a missing object, and a later apply removes the labels that it leaves out',
    async run({ client, namespace }) {
      const name = `${namespace}-applied`;
      const apply = (labels: Record<string, string>): Promise<KubeObject> =>
        client.apply(
          resources.namespaces,
          { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
          { fieldManager: 'konstellation' },
        );
      const { 'kubernetes.io/metadata.name': _, ...first } = (await apply({ a: '1' })).metadata.labels ?? {};
      const { 'kubernetes.io/metadata.name': own, ...second } =
        (await apply({ b: '1' })).metadata.labels ?? {};
      return [first, second, own === name];
    },
    sees: [{ a: '1' }, { b: '1' }, true],
  },
  {
    name: 'managedFields name the last writer of an annotation, for every verb',
    async run({ client, namespace }) {
      const annotation = 'eks.amazonaws.com/role-arn';
      const seen: (readonly string[])[] = [];
      const note = (object: KubeObject): void => void seen.push(annotators(object, annotation));
      const patch = (value: string | null, fieldManager: string): Promise<KubeObject> =>
        client.patch<KubeObject>(
          resources.serviceAccounts,
          ref(namespace, 'a'),
          { metadata: { annotations: { [annotation]: value } } },
          { type: 'merge', fieldManager },
        );
      note(
        await client.create(
          resources.serviceAccounts,
          serviceAccount(namespace, 'a', { annotations: { [annotation]: '1' } }),
          { fieldManager: 'konstellation' },
        ),
      );
      note(await patch('2', 'kubectl'));
      note(await patch('2', 'another'));
      note(await patch('3', 'konstellation'));
      note(await patch(null, 'kubectl'));
      return seen;
    },
    sees: [['konstellation'], ['kubectl'], ['kubectl'], ['konstellation'], []],
  },
];
