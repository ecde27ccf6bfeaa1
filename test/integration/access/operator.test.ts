/**
 * The admission policies that confine the operator, tested on a real API server with the operator's token and the shipped RBAC.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { admissionObjects, operatorObjects } from '../../../src/rbac/index.ts';
import {
  apiVersion,
  apps,
  clusterConfigs,
  crds,
  linkedServiceAccounts,
  restartLabel,
  targetLabel,
  type App,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../../src/api/index.ts';
import {
  createKubeClient,
  isForbidden,
  loadConnection,
  resources,
  staticConnection,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '../../../src/kube/index.ts';
import { render } from '../../../src/workloads/render.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { isOldestKubernetes } from '../../support/kubernetes-version.ts';
import { eventually } from '../../support/eventually.ts';
import { untilAllEnforced } from './harness.ts';

const identity = { namespace: 'konstellation-system', name: 'konstellation' } as const;
const target = 'production';
/** A namespace that is still labelled as a target, although the ClusterConfig no longer lists it. */
const former = 'former';
const elsewhere = 'argocd';
/** Several messages match, because the server names an arbitrary one of the policies that deny a request. */
const outside = /with the label k11n\.dev\/target|targets of the ClusterConfig/;
const foreign = /ownership labels|without an app/;
const stsToken = { audiences: ['sts.amazonaws.com'], expirationSeconds: 600 } as const;
const applying = { fieldManager: 'konstellation', force: true } as const;
const merge = { type: 'merge', fieldManager: 'konstellation' } as const;
const someOwner = {
  apiVersion: 'v1',
  kind: 'Namespace',
  name: 'deleted',
  uid: '00000000-0000-0000-0000-000000000000',
};

let cluster: TestControlPlane;
let admin: KubeClient;
let operator: KubeClient;

type Any = KubeObject & Readonly<Record<string, unknown>>;

const refusal = async (write: Promise<unknown>): Promise<string> => {
  try {
    await write;
  } catch (error) {
    if (isForbidden(error)) return error.message;
    throw error;
  }
  throw new Error('it was admitted');
};

const account = (name: string): LinkedServiceAccount => ({
  apiVersion,
  kind: 'LinkedServiceAccount',
  metadata: { name },
  spec: { deletionPolicy: 'Delete', targets: [target], aws: { policyArns: [] } },
});
const serviceAccount = (namespace: string, name: string, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { namespace, name, ...metadata },
});
const linked = (namespace: string, name: string): KubeObject =>
  serviceAccount(namespace, name, {
    labels: { 'app.kubernetes.io/managed-by': 'konstellation', 'k11n.dev/account': name },
    annotations: {
      'eks.amazonaws.com/role-arn': `arn:aws:iam::123456789012:role/${name}`,
      'k11n.dev/created-by-konstellation': 'true',
    },
  });
const container = { name: 'app', image: 'registry.k8s.io/pause:3.10' };
const pod = (namespace: string, name: string): Any & { readonly spec: object } => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace, name },
  spec: { containers: [container] },
});
const namespaceOf = (name: string, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});

beforeAll(async () => {
  cluster = await startControlPlane();
  admin = createKubeClient(await loadConnection({ kubeconfig: cluster.kubeconfig, env: {} }));
  const apply = (objects: readonly object[]): Promise<string> =>
    cluster.kubectl(
      ['apply', '--server-side', '-f', '-'],
      objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n'),
    );
  await apply(crds());
  await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    '--timeout=30s',
    ...crds().map((crd) => `crd/${crd.metadata.name}`),
  ]);
  await apply([...operatorObjects(identity), ...admissionObjects(identity)]);
  await admin.create<ClusterConfig>(clusterConfigs, {
    apiVersion,
    kind: 'ClusterConfig',
    metadata: { name: 'test' },
    spec: {
      targets: [target, 'staging', 'gitops'],
      aws: { region: 'eu-west-1', rolePath: '/konstellation/', driftIntervalSeconds: 60 },
    },
  });
  const namespaces = [
    namespaceOf(target, { [targetLabel]: target }),
    namespaceOf(former, { [targetLabel]: former }),
    namespaceOf(elsewhere),
  ];
  // The API server denies target labels until it has cached the ClusterConfig.
  await eventually('the targets to be labelled', () => apply(namespaces).catch(() => undefined));
  for (const namespace of [target, former, elsewhere])
    await admin.create(resources.serviceAccounts, serviceAccount(namespace, 'myaccount'));
  operator = await asOperator();
  await untilAllEnforced(admin);
  await eventually('all policies of the operator to be enforced', async () => {
    const name = 'probe';
    const writes = [
      operator.createToken(
        { namespace: target, name: 'myaccount' },
        { ...stsToken, expirationSeconds: 3600 },
      ),
      operator.create(resources.pods, pod(elsewhere, name), { dryRun: true }),
      operator.create(resources.pods, pod(former, name), { dryRun: true }),
      operator.create(resources.namespaces, namespaceOf(name, { [targetLabel]: name }), { dryRun: true }),
      operator.create(resources.namespaces, namespaceOf(name), { dryRun: true }),
    ];
    const refused = await Promise.all(writes.map((write) => refusal(write).catch(() => '')));
    return refused.every((message) => message.includes('ValidatingAdmissionPolicy')) ? true : undefined;
  });
});
afterAll(async () => {
  await operator?.close();
  await admin?.close();
  await cluster?.stop();
});

async function asOperator(): Promise<KubeClient> {
  const { token } = await admin.createToken(identity, {
    audiences: ['https://kubernetes.default.svc'],
    expirationSeconds: 3600,
  });
  return createKubeClient(
    staticConnection({ server: cluster.server, token, tls: { ca: cluster.caCertificate } }),
    { userAgent: 'operator' },
  );
}

describe('a token', () => {
  const request = (namespace: string, spec: Parameters<KubeClient['createToken']>[1]): Promise<unknown> =>
    operator.createToken({ namespace, name: 'myaccount' }, spec);

  it('for STS is issued to the operator for any ServiceAccount in a target', async () => {
    await request(target, stsToken);
  });

  it.each([
    ['for the API server', { ...stsToken, audiences: ['https://kubernetes.default.svc'] }],
    [
      'for STS and the API server',
      { ...stsToken, audiences: ['sts.amazonaws.com', 'https://kubernetes.default.svc'] },
    ],
    ['of no audience, which means the API server', { ...stsToken, audiences: [] }],
    ['for Pod Identity without a pod', { ...stsToken, audiences: ['pods.eks.amazonaws.com'] }],
  ])('%s is refused to the operator', async (_what, spec) => {
    expect(await refusal(request(target, spec))).toContain(
      'may request tokens only for the audience sts.amazonaws.com',
    );
  });

  it('that lives longer than ten minutes is refused to the operator', async () => {
    expect(await refusal(request(target, { ...stsToken, expirationSeconds: 601 }))).toContain(
      'within 600 seconds',
    );
  });

  it('of a ServiceAccount outside the targets is refused to the operator, whichever role the ServiceAccount may assume', async () => {
    expect(await refusal(request(elsewhere, stsToken))).toMatch(outside);
    expect(await refusal(request(former, stsToken))).toMatch(outside);
  });

  it('for Pod Identity is issued to the operator if the requested token is bound to a pod', async () => {
    const bound = {
      ...pod(target, 'bound'),
      spec: { serviceAccountName: 'myaccount', ...pod(target, 'x').spec },
    };
    const { metadata } = await admin.create<KubeObject>(resources.pods, bound);
    await request(target, {
      audiences: ['pods.eks.amazonaws.com'],
      expirationSeconds: 600,
      boundObjectRef: {
        apiVersion: 'v1',
        kind: 'Pod',
        name: 'bound',
        ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
      },
    });
  });

  it('that another user requests is not restricted by the admission policies for the operator', async () => {
    await admin.createToken(
      { namespace: elsewhere, name: 'myaccount' },
      { audiences: ['x'], expirationSeconds: 7200 },
    );
  });
});

describe('a namespace', () => {
  const label = (name: string): Promise<unknown> =>
    operator.apply(
      resources.namespaces,
      namespaceOf(name, { [targetLabel]: name, 'app.kubernetes.io/managed-by': 'konstellation' }),
      applying,
    );
  const patch = (name: string, metadata: object): Promise<unknown> =>
    operator.patch(resources.namespaces, { name }, { metadata }, merge);

  it('that is a target can be created and labelled by the operator', async () => {
    await label('staging');
    await operator.create(resources.serviceAccounts, linked('staging', 'linked'));
    await admin.create(resources.namespaces, namespaceOf('gitops', { team: 'a' }));
    await patch('gitops', { labels: { [targetLabel]: 'gitops' } });
    await patch('gitops', { labels: { [targetLabel]: null } });
  });

  it('that is not a target cannot be created or labelled by the operator', async () => {
    for (const name of [elsewhere, 'other'])
      expect(await refusal(label(name)), name).toMatch(
        /targets of the ClusterConfig|may change only the label/,
      );
    expect(await refusal(operator.create(resources.namespaces, namespaceOf('other')))).toContain(
      'may change only the label',
    );
    // Without the target label, the operator also cannot get a token in that namespace.
    await refusal(patch(elsewhere, { labels: { [targetLabel]: 'x' } }));
    await refusal(operator.createToken({ namespace: elsewhere, name: 'myaccount' }, stsToken));
  });

  it('of Kubernetes or of the operator cannot become a target, whatever the ClusterConfig lists', async () => {
    for (const name of ['kube-system', 'kube-public', 'default', identity.namespace])
      expect(await refusal(label(name)), name).toMatch(/cannot be targets|targets of the ClusterConfig/);
  });

  it.each([
    ['Pod Security label', { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } }],
    ['other label', { labels: { team: 'b' } }],
    ['annotation', { annotations: { a: 'b' } }],
    ['owner reference, by which the garbage collector would delete it', { ownerReferences: [someOwner] }],
    ['finalizer', { finalizers: ['example.com/a'] }],
  ])('cannot be changed by the operator in this way: %s', async (_what, metadata) => {
    for (const name of [target, elsewhere, 'staging'])
      expect(await refusal(patch(name, metadata)), name).toContain('may change only the label');
    expect(
      await refusal(
        operator.create(resources.namespaces, {
          ...namespaceOf('gitops-2'),
          metadata: { name: 'gitops-2', ...metadata },
        }),
      ),
    ).toContain('may change only the label');
  });

  it('keeps the labels that other users have set, because the operator cannot remove them', async () => {
    await admin.patch(
      resources.namespaces,
      { name: 'gitops' },
      { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
      { type: 'merge' },
    );
    expect(
      await refusal(patch('gitops', { labels: { 'pod-security.kubernetes.io/enforce': null } })),
    ).toContain('may change only the label');
    expect(await refusal(operator.delete(resources.namespaces, { name: 'gitops' }))).toContain(
      'cannot delete',
    );
  });
});

describe('the operator', () => {
  const patch = (change: object): Promise<unknown> =>
    operator.patch(linkedServiceAccounts, { name: 'mine' }, change, merge);

  it('can add and remove the finalizer of an account, and can change nothing else in the metadata and spec of the account', async () => {
    await admin.create<LinkedServiceAccount>(linkedServiceAccounts, {
      ...account('mine'),
      metadata: { name: 'mine', finalizers: ['example.com/other'] },
    });
    await patch({ metadata: { finalizers: ['example.com/other', 'k11n.dev/iam-role'] } });
    for (const spec of [{ deletionPolicy: 'Retain' }, { targets: ['staging'] }])
      expect(await refusal(patch({ spec }))).toContain('ValidatingAdmissionPolicy');
    for (const metadata of [
      { labels: { a: 'b' } },
      { annotations: { 'k11n.dev/protected': 'false' } },
      { ownerReferences: [someOwner] },
      { finalizers: ['k11n.dev/iam-role'] },
      { finalizers: ['k11n.dev/iam-role', 'example.com/other', 'example.com/block'] },
    ])
      expect(await refusal(patch({ metadata }))).toContain('may change only the status and the finalizer');
    await patch({ metadata: { finalizers: ['example.com/other'] } });
    expect(await refusal(operator.create(linkedServiceAccounts, account('own')))).toContain('cannot create');
    expect(await refusal(operator.delete(linkedServiceAccounts, { name: 'mine' }))).toContain(
      'cannot delete',
    );
  });

  it('cannot change metadata or spec of an account, an app or a ClusterConfig by a write to the status subresource', async () => {
    await admin.create<App>(apps, app('status'));
    for (const [resource, name] of [
      [linkedServiceAccounts, 'mine'],
      [apps, 'status'],
      [clusterConfigs, 'test'],
    ] as const) {
      const before = await admin.get<Any>(resource, { name });
      await operator.patch(
        resource,
        { name },
        {
          metadata: {
            labels: { a: 'b' },
            annotations: { a: 'b' },
            ownerReferences: [someOwner],
            finalizers: ['example.com/block'],
          },
          spec: { targets: [] },
          status: { observedGeneration: 7 },
        },
        { ...merge, subresource: 'status' },
      );
      const after = await admin.get<Any>(resource, { name });
      expect(after.status).toMatchObject({ observedGeneration: 7 });
      const {
        managedFields: _,
        resourceVersion: __,
        ...metadata
      } = before.metadata as Any['metadata'] & {
        managedFields: unknown;
      };
      expect(after.metadata).toMatchObject(metadata);
      expect(Object.keys(after.metadata).sort()).toEqual(Object.keys(before.metadata).sort());
      expect(after.spec).toEqual(before.spec);
    }
  });

  it('can change neither apps nor ClusterConfigs, except their status', async () => {
    for (const resource of [apps, clusterConfigs])
      expect(
        await refusal(
          operator.patch(resource, { name: 'test' }, { metadata: { labels: { a: 'b' } } }, merge),
        ),
      ).toContain('cannot patch');
  });
});

describe('a ServiceAccount', () => {
  const patch = (namespace: string, name: string, change: object): Promise<unknown> =>
    operator.patch(resources.serviceAccounts, { namespace, name }, change, merge);
  const role = { 'eks.amazonaws.com/role-arn': 'x' };

  it('can be created, linked and deleted by the operator only in a target', async () => {
    await operator.create(resources.serviceAccounts, linked(target, 'linked'));
    await patch(target, 'linked', { metadata: { annotations: role } });
    await operator.delete(resources.serviceAccounts, { namespace: target, name: 'linked' });
    for (const namespace of [elsewhere, former])
      expect(await refusal(operator.create(resources.serviceAccounts, linked(namespace, 'linked')))).toMatch(
        outside,
      );
  });

  it('of another owner cannot be changed or deleted by the operator, in a target or elsewhere', async () => {
    for (const namespace of [target, former, elsewhere]) {
      await refusal(patch(namespace, 'myaccount', { metadata: { annotations: role } }));
      await refusal(patch(namespace, 'myaccount', { metadata: { labels: { 'k11n.dev/account': 'x' } } }));
      await refusal(operator.delete(resources.serviceAccounts, { namespace, name: 'myaccount' }));
    }
    expect(
      await refusal(operator.delete(resources.serviceAccounts, { namespace: target, name: 'myaccount' })),
    ).toMatch(foreign);
  });

  it('can get nothing from the operator except the link to its account', async () => {
    const create = (metadata: object, more: object = {}): Promise<unknown> => {
      const base = linked(target, 'more');
      return operator.create(resources.serviceAccounts, {
        ...base,
        ...more,
        metadata: { ...base.metadata, ...metadata },
      });
    };
    for (const write of [
      () => create({ ownerReferences: [someOwner] }),
      () => create({ labels: { ...linked(target, 'more').metadata.labels, a: 'b' } }),
      () => create({ annotations: { a: 'b' } }),
      () => create({ labels: {} }),
      () => create({ name: 'default' }),
      () => create({}, { imagePullSecrets: [{ name: 'x' }] }),
      () => create({}, { automountServiceAccountToken: false }),
    ])
      expect(await refusal(write())).toContain('may create a ServiceAccount only if it is linked');
    expect(await refusal(create({ finalizers: ['example.com/a'] }))).toContain('finalizers');
    await operator.create(resources.serviceAccounts, linked(target, 'kept'));
    for (const change of [
      { metadata: { ownerReferences: [someOwner] } },
      { metadata: { labels: { a: 'b' } } },
      { metadata: { labels: { 'k11n.dev/account': 'other' } } },
      { metadata: { annotations: { a: 'b' } } },
      { imagePullSecrets: [{ name: 'x' }] },
    ])
      expect(await refusal(patch(target, 'kept', change))).toContain(
        'may change a ServiceAccount only to link or unlink it',
      );
    expect(await refusal(patch(target, 'kept', { metadata: { finalizers: ['example.com/a'] } }))).toContain(
      'finalizers',
    );
  });

  it('in a former target can be unlinked by the operator, or deleted if the operator created it, but not changed otherwise', async () => {
    for (const namespace of [former, elsewhere]) {
      const handedOver = linked(namespace, 'handed-over');
      const { 'k11n.dev/created-by-konstellation': _, ...annotations } =
        handedOver.metadata.annotations ?? {};
      await admin.create(resources.serviceAccounts, {
        ...handedOver,
        metadata: { ...handedOver.metadata, annotations },
      });
      await refusal(patch(namespace, 'handed-over', { metadata: { annotations: role } }));
      await refusal(
        patch(namespace, 'handed-over', {
          metadata: { annotations: role, labels: { 'k11n.dev/account': null } },
        }),
      );
      await refusal(operator.delete(resources.serviceAccounts, { namespace, name: 'handed-over' }));
      await patch(namespace, 'handed-over', {
        metadata: {
          annotations: { 'eks.amazonaws.com/role-arn': null },
          labels: { 'k11n.dev/account': null },
        },
      });
      await admin.create(resources.serviceAccounts, linked(namespace, 'ours'));
      await operator.delete(resources.serviceAccounts, { namespace, name: 'ours' });
    }
  });
});

function app(name: string, spec: Partial<App['spec']> = {}): App {
  return {
    apiVersion,
    kind: 'App',
    metadata: { name },
    spec: { image: 'nginx', targets: [{ name: target, deployMode: 'latest' }], ...spec },
  };
}

const kinds: Readonly<Record<string, Resource>> = {
  ConfigMap: resources.configMaps,
  Service: resources.services,
  PodDisruptionBudget: resources.podDisruptionBudgets,
  Deployment: resources.deployments,
  HorizontalPodAutoscaler: resources.horizontalPodAutoscalers,
  Ingress: resources.ingresses,
};

/** Returns every object that the operator renders from the App, by kind. */
function objectsOf(of: App): ReadonlyMap<string, Any> {
  const [first] = of.spec.targets;
  if (!first) throw new Error('the app has no target');
  const manifests = render({
    app: of,
    target: first,
    identity: undefined,
    observed: undefined,
    others: new Map(),
  });
  return new Map(manifests.map((manifest) => [manifest.kind, manifest as unknown as Any]));
}

describe('the objects of an app', () => {
  let objects: ReadonlyMap<string, Any>;
  const get = (kind: string): Any => {
    const found = objects.get(kind);
    if (!found) throw new Error(`no ${kind} was rendered`);
    return found;
  };
  const write = (object: Any): Promise<unknown> => {
    const resource = kinds[object.kind];
    if (!resource) throw new Error(`no resource for ${object.kind}`);
    return operator.apply(resource, object, applying);
  };
  const withPod = (of: Any, change: (spec: Any) => object): Any => {
    const { template, ...spec } = of.spec as { readonly template: { readonly spec: Any } };
    return { ...of, spec: { ...spec, template: { ...template, spec: change(template.spec) } } };
  };
  const withContainer = (of: Any, more: object): Any =>
    withPod(of, (spec) => ({ ...spec, containers: [{ ...(spec.containers as [object])[0], ...more }] }));
  const named = (of: Any, metadata: object): Any => ({ ...of, metadata: { ...of.metadata, ...metadata } });

  beforeAll(async () => {
    const created = await admin.create<App>(
      apps,
      app('web', {
        serviceAccount: 'payments',
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
        configs: [
          { name: 'settings', data: { A: 'b' } },
          { name: 'files', mountPath: '/etc/web', data: { 'a.yaml': 'b' } },
        ],
        env: [{ name: 'SECRET', valueFrom: { secretKeyRef: { name: 'x', key: 'y' } } }],
        targets: [
          {
            name: target,
            deployMode: 'latest',
            scale: { min: 2, max: 3 },
            ingress: { hosts: ['web.example'] },
          },
        ],
      }),
    );
    objects = objectsOf(created);
  });

  it('can be created, changed and deleted by the operator in the form that the operator renders', async () => {
    for (const object of objects.values()) await write(object);
    for (const object of objects.values())
      await write(named(object, { annotations: { ...object.metadata.annotations, changed: 'yes' } }));
    await operator.patch(
      resources.deployments,
      { namespace: target, name: 'web' },
      { spec: { replicas: 0 } },
      merge,
    );
    for (const object of objects.values())
      await operator.delete(kinds[object.kind] as Resource, object.metadata);
  });

  it('cannot be written by the operator outside the targets, but can be deleted in former targets', async () => {
    for (const object of objects.values()) {
      const resource = kinds[object.kind] as Resource;
      for (const namespace of [former, elsewhere]) {
        const there = named(object, { namespace });
        expect(await refusal(write(there)), object.kind).toMatch(
          /with the label|targets of the ClusterConfig/,
        );
        await admin.create(resource, there);
        await refusal(write(named(there, { annotations: { changed: 'yes' } })));
        await operator.delete(resource, { namespace, name: object.metadata.name });
      }
    }
  });

  it('cannot be changed or deleted by the operator if the objects have other owners', async () => {
    for (const object of objects.values()) {
      const resource = kinds[object.kind] as Resource;
      const { name } = object.metadata;
      const others = named(object, { labels: { a: 'b' }, ownerReferences: [] });
      await admin.create(resource, others);
      expect(await refusal(write(object)), object.kind).toMatch(foreign);
      expect(await refusal(operator.delete(resource, { namespace: target, name }))).toMatch(foreign);
      await admin.delete(resource, { namespace: target, name });
    }
  });

  it.each([
    [
      'an owner other than their app',
      { ownerReferences: [someOwner] },
      /may set no owner of an object but the object's app/,
    ],
    ['no owner', { ownerReferences: [] }, /may set no owner of an object but the object's app/],
    ['a finalizer', { finalizers: ['example.com/block'] }, /finalizers/],
    ['no label', { labels: {} }, /label and the name of that app|of its app/],
    [
      'a name other than the name of their app',
      { name: 'other' },
      /label and the name of that app|of its app/,
    ],
  ])('are refused to the operator if they have %s', async (_what, metadata, message) => {
    for (const object of objects.values()) {
      expect(await refusal(write(named(object, metadata))), object.kind).toMatch(message);
    }
    if ('name' in metadata) return;
    for (const object of objects.values()) {
      await write(object);
      const { namespace, name } = object.metadata;
      const resource = kinds[object.kind] as Resource;
      if (!('labels' in metadata))
        expect(
          await refusal(operator.patch(resource, { namespace, name }, { metadata }, merge)),
          object.kind,
        ).toMatch(message);
      await operator.delete(resource, { namespace, name });
    }
  });

  it.each<[string, (deployment: Any) => Any, string]>([
    [
      'hostNetwork',
      (of) => withPod(of, (spec) => ({ ...spec, hostNetwork: true })),
      'namespaces of the node',
    ],
    ['hostPID', (of) => withPod(of, (spec) => ({ ...spec, hostPID: true })), 'namespaces of the node'],
    ['hostIPC', (of) => withPod(of, (spec) => ({ ...spec, hostIPC: true })), 'namespaces of the node'],
    [
      'hostPath',
      (of) =>
        withPod(of, (spec) => ({
          ...spec,
          volumes: [...(spec.volumes as []), { name: 'x', hostPath: { path: '/' } }],
        })),
      'volumes of',
    ],
    [
      'persistentVolumeClaim',
      (of) =>
        withPod(of, (spec) => ({
          ...spec,
          volumes: [...(spec.volumes as []), { name: 'x', persistentVolumeClaim: { claimName: 'x' } }],
        })),
      'volumes of',
    ],
    ['privileged', (of) => withContainer(of, { securityContext: { privileged: true } }), 'privileged'],
    [
      'capabilities',
      (of) =>
        withContainer(of, {
          securityContext: { allowPrivilegeEscalation: false, capabilities: { add: ['SYS_ADMIN'] } },
        }),
      'privileged',
    ],
    ['privilege escalation', (of) => withContainer(of, { securityContext: {} }), 'privileged'],
    [
      'an init container that is privileged',
      (of) =>
        withPod(of, (spec) => ({
          ...spec,
          initContainers: [{ ...container, name: 'init', securityContext: { privileged: true } }],
        })),
      'privileged',
    ],
    [
      'hostPort',
      (of) => withContainer(of, { ports: [{ containerPort: 8080, hostPort: 80, protocol: 'TCP' }] }),
      'hostPort',
    ],
    [
      'sysctls',
      (of) =>
        withPod(of, (spec) => ({
          ...spec,
          securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '0' }] },
        })),
      'weakened security context',
    ],
    [
      'an unconfined seccomp profile',
      (of) =>
        withPod(of, (spec) => ({ ...spec, securityContext: { seccompProfile: { type: 'Unconfined' } } })),
      'weakened security context',
    ],
    ['nodeName', (of) => withPod(of, (spec) => ({ ...spec, nodeName: 'control-plane' })), 'the node'],
    [
      'a priority class',
      (of) => withPod(of, (spec) => ({ ...spec, priorityClassName: 'system-node-critical' })),
      'the priority',
    ],
  ])('a Deployment cannot be created or changed to have %s', async (_what, change, message) => {
    const deployment = get('Deployment');
    expect(await refusal(write(change(deployment)))).toContain(message);
    await write(deployment);
    expect(await refusal(write(change(deployment)))).toContain(message);
    await operator.delete(resources.deployments, { namespace: target, name: 'web' });
  });

  it('cannot be Deployments that set procMount, on create or update, unless the API server resets the field', async () => {
    const changed = withPod(
      withContainer(get('Deployment'), {
        securityContext: { allowPrivilegeEscalation: false, procMount: 'Unmasked' },
      }),
      (spec) => ({ ...spec, hostUsers: false }),
    );
    if (!isOldestKubernetes) {
      expect(await refusal(write(changed))).toContain('privileged');
      await write(get('Deployment'));
      expect(await refusal(write(changed))).toContain('privileged');
    } else expect(JSON.stringify(await write(changed))).not.toContain('Unmasked');
    await operator.delete(resources.deployments, { namespace: target, name: 'web' });
  });

  it('keep the fields of other managers when the operator writes a Deployment', async () => {
    const deployment = get('Deployment');
    await write(deployment);
    const { template } = deployment.spec as { readonly template: { readonly spec: Any } };
    await admin.patch(
      resources.deployments,
      { namespace: target, name: 'web' },
      {
        spec: {
          template: {
            spec: {
              hostNetwork: true,
              volumes: [
                ...(template.spec.volumes as readonly object[]),
                { name: 'x', hostPath: { path: '/var/log' } },
              ],
              containers: [
                ...(template.spec.containers as readonly object[]),
                { ...container, name: 'sidecar', securityContext: { privileged: true } },
              ],
            },
          },
        },
      },
      { type: 'merge' },
    );
    await write(withContainer(deployment, { image: 'nginx:2' }));
    await operator.delete(resources.deployments, { namespace: target, name: 'web' });
  });

  it('a Deployment can run only as the default ServiceAccount or as a ServiceAccount that is linked to an account', async () => {
    const as = (serviceAccountName: string): Any =>
      withPod(get('Deployment'), (spec) => ({ ...spec, serviceAccountName }));
    const refused = 'ServiceAccount that is linked to an account';
    await admin.create(resources.serviceAccounts, serviceAccount(target, 'cluster-admin'));
    await eventually('ServiceAccount to be compared with', async () => {
      const write = operator.create(resources.deployments, as('cluster-admin'), { dryRun: true });
      return (await refusal(write).catch(() => undefined))?.includes(refused) || undefined;
    });
    for (const name of ['cluster-admin', 'myaccount'])
      expect(await refusal(write(as(name)))).toContain(refused);
    // The policy also denies the request if the Deployment claims to belong to another app.
    const deployment = as('cluster-admin');
    const ghost = named(deployment, {
      name: 'ghost',
      labels: { ...deployment.metadata.labels, 'k11n.dev/app': 'ghost' },
      ownerReferences: [{ ...someOwner, apiVersion, kind: 'App', name: 'ghost', controller: true }],
    });
    const labels = { 'k11n.dev/app': 'ghost' };
    const { template } = ghost.spec as { readonly template: Any };
    const spec = {
      ...(ghost.spec as object),
      selector: { matchLabels: labels },
      template: { ...template, metadata: { labels } },
    };
    expect(await refusal(write({ ...ghost, spec }))).toContain(refused);
    await operator.create(resources.serviceAccounts, linked(target, 'payments'));
    await write(as('default'));
    expect(await refusal(write(as('cluster-admin')))).toContain(refused);
    await write(as('payments'));
    await operator.delete(resources.deployments, { namespace: target, name: 'web' });
    await operator.delete(resources.serviceAccounts, { namespace: target, name: 'payments' });
  });

  it('a Service cannot be given another type, external addresses or another selector', async () => {
    const service = get('Service');
    const spec = service.spec as object;
    for (const change of [
      { ...spec, type: 'LoadBalancer' },
      { ...spec, type: 'NodePort' },
      { type: 'ExternalName', externalName: 'attacker.example' },
      { ...spec, externalIPs: ['1.1.1.1'] },
      { ...spec, selector: { app: 'other' } },
    ])
      expect(await refusal(write({ ...service, spec: change }))).toContain(
        'a Service that the operator writes must',
      );
  });

  it('an autoscaler and a disruption budget can select only the Deployment of the app', async () => {
    const autoscaler = get('HorizontalPodAutoscaler');
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'other' };
    expect(
      await refusal(write({ ...autoscaler, spec: { ...(autoscaler.spec as object), scaleTargetRef } })),
    ).toContain('a HorizontalPodAutoscaler that the operator writes must');
    const budget = get('PodDisruptionBudget');
    for (const selector of [{}, { matchLabels: { app: 'other' } }])
      expect(await refusal(write({ ...budget, spec: { maxUnavailable: 0, selector } }))).toContain(
        'a PodDisruptionBudget that the operator writes must',
      );
  });
});

describe('pods', () => {
  it('can be created by the operator only in a dry run, and only in targets', async () => {
    await operator.create(resources.pods, pod(target, 'trial'), { dryRun: true });
    expect(await refusal(operator.create(resources.pods, pod(target, 'trial')))).toContain(
      'may create pods only in a dry run',
    );
    for (const namespace of [former, elsewhere])
      await refusal(operator.create(resources.pods, pod(namespace, 'trial'), { dryRun: true }));
  });

  it('can be evicted by the operator only in targets', async () => {
    const evict = async (namespace: string): Promise<number> => {
      await admin.create(resources.pods, pod(namespace, 'evicted'));
      const { status } = await operator.raw({
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/pods/evicted/eviction`,
        body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name: 'evicted' } },
      });
      return status;
    };
    expect(await evict(target)).toBe(201);
    expect(await evict(former)).toBe(403);
    expect(await evict(elsewhere)).toBe(403);
  });
});

describe.each([
  ['Deployment', resources.deployments],
  ['StatefulSet', resources.statefulSets],
  ['DaemonSet', resources.daemonSets],
])('a %s that belongs to others', (kind, resource) => {
  const name = kind.toLowerCase();
  const create = (namespace: string, labels: Record<string, string>): Promise<unknown> =>
    admin.create<Any>(resource, {
      apiVersion: 'apps/v1',
      kind,
      metadata: { namespace, name, labels },
      spec: {
        selector: { matchLabels: { app: name } },
        ...(kind === 'StatefulSet' ? { serviceName: 'x' } : {}),
        template: {
          metadata: { labels: { app: name } },
          spec: {
            hostNetwork: true,
            containers: [{ ...container, securityContext: { privileged: true } }],
            volumes: [{ name: 'x', hostPath: { path: '/' } }],
          },
        },
      },
    });
  const mark = (namespace: string, more: object = {}, annotations: object = {}): Promise<unknown> =>
    operator.apply<Any>(
      resource,
      {
        apiVersion: 'apps/v1',
        kind,
        metadata: { namespace, name, ...more },
        spec: { template: { metadata: { annotations: { 'k11n.dev/identity': 'x', ...annotations } } } },
      },
      applying,
    );
  const patch = (change: object): Promise<unknown> =>
    operator.patch(resource, { namespace: target, name }, change, merge);

  it('with the restart label can be changed by the operator only in its identity annotation', async () => {
    await create(target, { [restartLabel]: 'true' });
    await mark(target);
    await mark(target, {}, { 'k11n.dev/identity': 'y' });
    for (const write of [
      () => mark(target, {}, { other: 'x' }),
      () => mark(target, { labels: { a: 'b' } }),
      () => mark(target, { annotations: { a: 'b' } }),
      () => mark(target, { ownerReferences: [someOwner] }),
      () => patch({ metadata: { finalizers: ['example.com/block'] } }),
      () => patch({ spec: { minReadySeconds: 7 } }),
      () => patch({ spec: { template: { metadata: { labels: { a: 'b' } } } } }),
      () => patch({ spec: { template: { spec: { serviceAccountName: 'myaccount' } } } }),
      () => patch({ spec: { template: { spec: { containers: [{ ...container, image: 'evil' }] } } } }),
    ])
      expect(await refusal(write())).toMatch(/identity|finalizers/);
    expect(await refusal(operator.delete(resource, { namespace: target, name }))).toMatch(
      /ownership labels|without an app|cannot delete/,
    );
  });

  it('without the restart label, or outside the targets, cannot be changed by the operator', async () => {
    await create(former, { [restartLabel]: 'true' });
    expect(await refusal(mark(former))).toMatch(outside);
    await create(elsewhere, { [restartLabel]: 'true' });
    expect(await refusal(mark(elsewhere))).toMatch(outside);
    await admin.patch(
      resource,
      { namespace: target, name },
      { metadata: { labels: { [restartLabel]: null } } },
      { type: 'merge' },
    );
    expect(await refusal(mark(target))).toMatch(foreign);
  });
});

describe('objects of the maximum size', () => {
  it('of an app are checked within the CEL cost limits of the admission policies', async () => {
    const env = Array.from({ length: 256 }, (_, at) => ({
      name: `VARIABLE_${at}`,
      value: 'x'.repeat(1_000),
    }));
    const large = await admin.create<App>(
      apps,
      app('large', {
        serviceAccount: 'large',
        env,
        ports: Array.from({ length: 32 }, (_, at) => ({
          name: `port-${at}`,
          port: 8000 + at,
          protocol: 'TCP' as const,
        })),
        configs: Array.from({ length: 16 }, (_, at) => ({
          name: `c-${at}`,
          mountPath: `/etc/c-${at}`,
          data: {},
        })),
        targets: [
          {
            name: target,
            deployMode: 'latest',
            scale: { min: 2, max: 3 },
            ingress: {
              hosts: Array.from({ length: 50 }, (_, at) => `host-${at}.example`),
              paths: Array.from({ length: 50 }, (_, at) => `/path-${at}`),
            },
          },
        ],
      }),
    );
    for (const object of objectsOf(large).values()) {
      const resource = kinds[object.kind] as Resource;
      await operator.apply(resource, object, applying);
      const metadata = { ...object.metadata, annotations: { changed: 'yes' } };
      await operator.apply(resource, { ...object, metadata }, applying);
      await operator.delete(resource, { namespace: target, name: object.metadata.name });
    }
  });

  it('that are workloads of other owners can be restarted within the CEL cost limits of the admission policies', async () => {
    const containers = Array.from({ length: 50 }, (_, at) => ({
      ...container,
      name: `c-${at}`,
      env: Array.from({ length: 100 }, (__, of) => ({ name: `VARIABLE_${of}`, value: 'x'.repeat(100) })),
    }));
    const ref = { namespace: target, name: 'large' };
    await admin.create<Any>(resources.statefulSets, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { ...ref, labels: { [restartLabel]: 'true' } },
      spec: {
        serviceName: 'x',
        selector: { matchLabels: { app: 'large' } },
        template: { metadata: { labels: { app: 'large' } }, spec: { containers } },
      },
    });
    const annotations = { 'k11n.dev/identity': 'x' };
    await operator.patch(
      resources.statefulSets,
      ref,
      { spec: { template: { metadata: { annotations } } } },
      merge,
    );
  });
});

describe('Events', () => {
  it('can be created by the operator in every namespace', async () => {
    await operator.create<Any>(resources.events, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: elsewhere, name: 'x' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      action: 'x',
      reason: 'x',
      type: 'Normal',
      reportingController: 'x',
      reportingInstance: 'x',
      regarding: { kind: 'Pod', namespace: elsewhere, name: 'x' },
    });
  });
});

describe('rights of the operator', () => {
  it('do not include writing RBAC objects or reading Secrets', async () => {
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'more' },
    };
    expect(await refusal(operator.create(resources.clusterRoles, role))).toContain('cannot create');
    expect(await refusal(operator.list(resources.secrets, { namespace: target }))).toContain('cannot list');
  });
});

describe('the ClusterConfig', () => {
  const spec = {
    aws: { region: 'eu-west-1', rolePath: '/konstellation/', driftIntervalSeconds: 60 },
  };
  const config = (name: string, targets: readonly string[]): ClusterConfig => ({
    apiVersion,
    kind: 'ClusterConfig',
    metadata: { name },
    spec: { ...spec, targets: [...targets] },
  });
  const isAdmitted = async (namespace: string): Promise<boolean> => {
    const write = operator.create(resources.serviceAccounts, linked(namespace, 'probe'), { dryRun: true });
    return write.then(
      () => true,
      (error: unknown) => {
        if (isForbidden(error)) return false;
        throw error;
      },
    );
  };
  const untilAdmitted = (namespace: string, wanted: boolean): Promise<true> =>
    eventually(`writes into ${namespace} to be ${wanted ? 'admitted' : 'refused'}`, async () =>
      (await isAdmitted(namespace)) === wanted ? true : undefined,
    );
  const cleansUp = async (namespace: string): Promise<void> => {
    await admin.create(resources.serviceAccounts, linked(namespace, 'leftover'));
    await operator.delete(resources.serviceAccounts, { namespace, name: 'leftover' });
  };

  it('can list 1,000 targets', async () => {
    const many = Array.from({ length: 997 }, (_, at) => `${'t'.repeat(50)}-${at}`);
    const targets = [...many, 'staging', 'gitops', target];
    await admin.patch(clusterConfigs, { name: 'test' }, { spec: { targets } }, { type: 'merge' });
    await untilAdmitted(target, true);
    await operator.createToken({ namespace: target, name: 'myaccount' }, stsToken);
    await untilAdmitted(former, false);
  });

  it('restricts the operator to the targets that all ClusterConfigs list, if there is a second ClusterConfig', async () => {
    await admin.create<ClusterConfig>(clusterConfigs, config('second', [former, 'staging']));
    await untilAdmitted(target, false);
    await cleansUp(target);
    expect(await isAdmitted(former)).toBe(false);
    expect(await isAdmitted('staging')).toBe(true);
    await admin.delete(clusterConfigs, { name: 'second' });
    await untilAdmitted(target, true);
  });

  it('can be deleted: the operator can then still write to the labelled namespaces, but cannot label another namespace', async () => {
    await admin.delete(clusterConfigs, { name: 'test' });
    await untilAdmitted(former, true);
    expect(await isAdmitted(target)).toBe(true);
    expect(await isAdmitted(elsewhere)).toBe(false);
    await cleansUp(former);
    const label = (client: KubeClient, name: string): Promise<unknown> =>
      client.patch(resources.namespaces, { name }, { metadata: { labels: { [targetLabel]: name } } }, merge);
    // The API server returns 422 if the policy has no ClusterConfig as its parameter.
    const unconfigured = 'no params found';
    await expect(label(operator, elsewhere)).rejects.toThrow(unconfigured);
    await expect(
      operator.create(resources.namespaces, namespaceOf('other', { [targetLabel]: 'other' })),
    ).rejects.toThrow(unconfigured);
    // Other users are denied only changes to labelled namespaces.
    await expect(label(admin, target)).rejects.toThrow(unconfigured);
    await admin.create(resources.namespaces, namespaceOf('unlabelled'));
    await admin.create(resources.serviceAccounts, serviceAccount(target, 'unrelated'));
    await admin.create(resources.pods, pod(target, 'unrelated'));
    await admin.createToken({ namespace: target, name: 'unrelated' }, stsToken);
    await admin.create<ClusterConfig>(clusterConfigs, config('test', [target, 'staging']));
    await untilAdmitted(former, false);
    expect(await isAdmitted(target)).toBe(true);
    await label(admin, target);
  });
});
