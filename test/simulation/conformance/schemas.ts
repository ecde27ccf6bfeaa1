/** Conformance cases: generations, statuses, defaults and dry runs. */
import { linkedServiceAccounts } from '../../../src/api/index.ts';
import { resources, type KubeClient, type KubeObject } from '../../../src/kube/index.ts';
import {
  type ConformanceCase,
  type Loose,
  verdict,
  policy,
  account,
  status,
  asOperator,
  versionOf,
  ref,
} from './case.ts';

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

export const schemasCases: readonly ConformanceCase[] = [
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
    name: 'specs get their defaults, and lose fields that the schema does not have',
    async run({ client, namespace }) {
      const made = await client.create(linkedServiceAccounts, account(namespace, { bogus: 1 }));
      return made.spec;
    },
    sees: { aws: { policyArns: [policy] }, deletionPolicy: 'Delete' },
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
];
