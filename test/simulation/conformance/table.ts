/**
 * An API server's responses to the requests that the operator sends, case by case. The same table runs against the
 * model and against a real kube-apiserver. A case returns its observations; the expected observations were made on the
 * real server.
 */
import { linkedServiceAccounts, type LinkedServiceAccount } from '../../../src/api/index.ts';
import {
  KubeApiError,
  resources,
  type KubeClient,
  type KubeObject,
  type WatchEvent,
  type WatchOptions,
} from '../../../src/kube/index.ts';

export type ConformanceContext = {
  readonly client: KubeClient;
  /** A namespace that only this case uses. It is also a prefix for names of cluster-scoped objects. */
  readonly namespace: string;
  /** Waits for asynchronous work of the server. The time is in milliseconds on the server's clock. */
  readonly pause: (ms: number) => Promise<void>;
};

export type ConformanceCase = {
  readonly name: string;
  readonly run: (context: ConformanceContext) => Promise<unknown>;
  readonly sees: unknown;
  /** Observations on the oldest supported Kubernetes version, if they differ. */
  readonly seesOnOldest?: unknown;
};

type Loose = KubeObject & {
  readonly spec?: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
  readonly data?: Record<string, string>;
};

/** Returns the machine-readable reason of a refusal, or `done`. */
async function verdict(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'done';
  } catch (error) {
    if (error instanceof KubeApiError) return `${error.status} ${error.reason}`;
    throw error;
  }
}

const configMap = (
  namespace: string,
  name: string,
  data: Record<string, string> | undefined,
  metadata: Partial<KubeObject['metadata']> = {},
): Loose => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, ...metadata },
  ...(data === undefined ? {} : { data }),
});

const serviceAccount = (
  namespace: string,
  name: string,
  metadata: Partial<KubeObject['metadata']> = {},
): KubeObject => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, ...metadata } });

const policy = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const account = (
  name: string,
  spec: object = {},
  more: { metadata?: Partial<KubeObject['metadata']>; status?: object } = {},
): Loose => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name, ...more.metadata },
  spec: { aws: { policyArns: [policy] }, ...spec },
  ...(more.status ? { status: more.status as Record<string, unknown> } : {}),
});
const status = (name: string, of: object, metadata: Partial<KubeObject['metadata']> = {}): Loose => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name, ...metadata },
  status: of as Record<string, unknown>,
});
const asOperator = { fieldManager: 'konstellation', force: true, subresource: 'status' } as const;

const versionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion);
const ref = (namespace: string, name: string): { namespace: string; name: string } => ({ namespace, name });

/** Describes the first events of a watch. */
async function firstEvents(
  { client, namespace }: ConformanceContext,
  scope: Omit<WatchOptions, 'namespace'>,
  count: number,
): Promise<readonly string[]> {
  const seen: string[] = [];
  const events: AsyncIterable<WatchEvent<KubeObject>> = client.watch(resources.configMaps, {
    namespace,
    ...scope,
  });
  for await (const event of events) {
    if (event.type === 'ERROR') seen.push(`ERROR ${event.error.status} ${event.error.reason}`);
    else if (event.type === 'BOOKMARK')
      seen.push(event.initialEventsEnd ? 'BOOKMARK, the last initial' : 'BOOKMARK');
    else seen.push(`${event.type} ${event.object.metadata.name}`);
    if (seen.length >= count) break;
  }
  return seen;
}

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

const generationsOfNew = {
  configMap: 'none',
  serviceAccount: 'none',
  service: 'none',
  pod: 1,
  deployment: 1,
  disruptionBudget: 1,
  autoscaler: 'none',
  ingress: 1,
  lease: 'none',
};

export const conformanceTable: readonly ConformanceCase[] = [
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
    name: 'generations count changes of the spec, and of nothing else',
    async run({ client, namespace }) {
      const name = namespace;
      const generations: (number | undefined)[] = [];
      const note = (object: KubeObject): void => void generations.push(object.metadata.generation);
      note(await client.create(linkedServiceAccounts, account(name)));
      const patch = (change: object): Promise<Loose> =>
        client.patch<Loose>(linkedServiceAccounts, { name }, change, { type: 'merge' });
      note(await patch({ metadata: { labels: { a: 'b' } } }));
      note(await client.apply(linkedServiceAccounts, status(name, { observedGeneration: 1 }), asOperator));
      note(await patch({ spec: { deletionPolicy: 'Retain' } }));
      note(await patch({ spec: { deletionPolicy: 'Retain' } }));
      return generations;
    },
    sees: [1, 1, 1, 2, 2],
  },
  {
    name: 'only some kinds have generations',
    async run({ client, namespace }) {
      const pod = { containers: [{ name: 'c', image: 'i' }] };
      const make = async (
        resource: Parameters<KubeClient['create']>[0],
        object: object,
      ): Promise<unknown> => {
        const made = await client.create<KubeObject>(resource, {
          metadata: { name: 'a', namespace },
          ...object,
        } as KubeObject);
        return made.metadata.generation ?? 'none';
      };
      return {
        configMap: await make(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap' }),
        serviceAccount: await make(resources.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount' }),
        service: await make(resources.services, {
          apiVersion: 'v1',
          kind: 'Service',
          spec: { ports: [{ port: 80 }] },
        }),
        pod: await make(resources.pods, { apiVersion: 'v1', kind: 'Pod', spec: pod }),
        deployment: await make(resources.deployments, {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          spec: {
            replicas: 0,
            selector: { matchLabels: { a: 'b' } },
            template: { metadata: { labels: { a: 'b' } }, spec: pod },
          },
        }),
        disruptionBudget: await make(resources.podDisruptionBudgets, {
          apiVersion: 'policy/v1',
          kind: 'PodDisruptionBudget',
          spec: { maxUnavailable: 1, selector: { matchLabels: { a: 'b' } } },
        }),
        autoscaler: await make(resources.horizontalPodAutoscalers, {
          apiVersion: 'autoscaling/v2',
          kind: 'HorizontalPodAutoscaler',
          spec: { maxReplicas: 2, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' } },
        }),
        ingress: await make(resources.ingresses, {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'Ingress',
          spec: { defaultBackend: { service: { name: 'a', port: { number: 80 } } } },
        }),
        lease: await make(resources.leases, {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          spec: {},
        }),
      };
    },
    sees: generationsOfNew,
    seesOnOldest: { ...generationsOfNew, pod: 'none' },
  },
  {
    name: 'the main resource does not write the status, and a new object has the default of its CRD',
    async run({ client, namespace }) {
      const name = namespace;
      const made = await client.create(
        linkedServiceAccounts,
        account(name, {}, { status: { observedGeneration: 5 } }),
      );
      const current = await client.apply(
        linkedServiceAccounts,
        status(name, { observedGeneration: 1 }),
        asOperator,
      );
      const put = await client.update(linkedServiceAccounts, {
        ...current,
        status: { observedGeneration: 6 },
      });
      const patched = await client.patch<Loose>(
        linkedServiceAccounts,
        { name },
        { status: { observedGeneration: 7 } },
        { type: 'merge' },
      );
      return [
        made.status,
        put.status,
        patched.status,
        versionOf(put) === versionOf(current),
        versionOf(patched) === versionOf(current),
      ];
    },
    sees: [{ observedGeneration: -1 }, { observedGeneration: 1 }, { observedGeneration: 1 }, true, true],
  },
  {
    name: 'the status subresource writes only the status',
    async run({ client, namespace }) {
      const made = await client.create(linkedServiceAccounts, account(namespace));
      const other = { ...made, metadata: { ...made.metadata, labels: { a: 'b' } } };
      const put = await client.updateStatus<Loose>(linkedServiceAccounts, {
        ...other,
        spec: { ...made.spec, deletionPolicy: 'Retain' },
        status: { observedGeneration: 1 },
      });
      const patched = await client.patch<Loose>(
        linkedServiceAccounts,
        { name: namespace },
        { spec: { deletionPolicy: 'Retain' }, status: { observedGeneration: 2 } },
        { type: 'merge', subresource: 'status' },
      );
      return [put, patched].map(({ metadata, spec, status: reported }) => [
        metadata.labels ?? 'no labels',
        spec?.deletionPolicy,
        reported,
      ]);
    },
    sees: [
      ['no labels', 'Delete', { observedGeneration: 1 }],
      ['no labels', 'Delete', { observedGeneration: 2 }],
    ],
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
  {
    name: 'specs get their defaults, and lose fields that the schema does not have',
    async run({ client, namespace }) {
      const made = await client.create(linkedServiceAccounts, account(namespace, { bogus: 1 }));
      return made.spec;
    },
    sees: { aws: { policyArns: [policy] }, deletionPolicy: 'Delete' },
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
    name: 'a token names its audience, its ServiceAccount and its time',
    async run({ client, namespace }) {
      const made = await client.create(resources.serviceAccounts, serviceAccount(namespace, 'a'));
      const spec = { audiences: ['sts.amazonaws.com'], expirationSeconds: 600 };
      const { token } = await client.createToken(ref(namespace, 'a'), spec);
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
        aud: string[];
        sub: string;
        exp: number;
        iat: number;
        iss: string;
        'kubernetes.io': { namespace: string; serviceaccount: { name: string; uid: string } };
      };
      const { serviceaccount } = claims['kubernetes.io'];
      return [
        claims.aud,
        claims.sub === `system:serviceaccount:${namespace}:a`,
        claims.exp - claims.iat,
        claims.iss.startsWith('https://oidc.eks.'),
        serviceaccount.name,
        serviceaccount.uid === made.metadata.uid,
      ];
    },
    sees: [['sts.amazonaws.com'], true, 600, true, 'a', true],
  },
  {
    name: 'a dry run validates and returns the object, and stores nothing',
    async run({ client, namespace }) {
      const pod = (name: string): KubeObject =>
        ({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name, namespace },
          spec: { containers: [{ name: 'c', image: 'i' }] },
        }) as KubeObject;
      await client.create(resources.pods, pod('a'));
      const tried = await client.create(resources.pods, pod('b'), { dryRun: true });
      return [
        await verdict(client.create(resources.pods, pod('a'), { dryRun: true })),
        tried.metadata.uid !== undefined,
        tried.metadata.resourceVersion ?? 'no version',
        await verdict(client.get(resources.pods, ref(namespace, 'b'))),
      ];
    },
    sees: ['409 AlreadyExists', true, 'no version', '404 NotFound'],
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
    // Streaming lists are enabled by default since 1.34 (and in 1.32).
    seesOnOldest: '422 Invalid',
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
