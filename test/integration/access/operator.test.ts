/** The operator's own fences, tried on the real API server with a token of its ServiceAccount and the rights that are shipped. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { admissionObjects, operatorObjects } from '../../../src/access/index.ts';
import {
  apiVersion,
  crds,
  linkedServiceAccounts,
  targetLabel,
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
} from '../../../src/kube/index.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';

const identity = { namespace: 'konstellation-system', name: 'konstellation' } as const;
const target = 'production';
const elsewhere = 'elsewhere';
const stsToken = { audiences: ['sts.amazonaws.com'], expirationSeconds: 600 } as const;

let cluster: TestControlPlane;
let admin: KubeClient;
let operator: KubeClient;

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
const serviceAccount = (namespace: string, name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { namespace, name },
});
const pod = (namespace: string, name: string): KubeObject & { readonly spec: object } => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace, name },
  spec: { containers: [{ name: 'app', image: 'registry.k8s.io/pause:3.10' }] },
});
const namespaceOf = (name: string, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});
const applying = { fieldManager: 'konstellation', force: true } as const;

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
  await apply([namespaceOf(target, { [targetLabel]: target }), namespaceOf(elsewhere)]);
  for (const namespace of [target, elsewhere])
    await admin.create(resources.serviceAccounts, serviceAccount(namespace, 'myaccount'));
  const { token } = await admin.createToken(identity, {
    audiences: ['https://kubernetes.default.svc'],
    expirationSeconds: 3600,
  });
  operator = createKubeClient(
    staticConnection({ server: cluster.server, token, tls: { ca: cluster.caCertificate } }),
    { userAgent: 'operator' },
  );
  await eventually('both policies to be enforced', async () => {
    const denied = async (write: Promise<unknown>): Promise<boolean> =>
      (await refusal(write).catch(() => '')).includes('ValidatingAdmissionPolicy');
    const hour = { ...stsToken, expirationSeconds: 3600 };
    const both = await Promise.all([
      denied(operator.createToken({ namespace: target, name: 'myaccount' }, hour)),
      denied(operator.create(resources.pods, pod(elsewhere, 'trial'), { dryRun: true })),
    ]);
    return both.every(Boolean) ? true : undefined;
  });
});
afterAll(async () => {
  await operator?.close();
  await admin?.close();
  await cluster?.stop();
});

describe('a token', () => {
  const request = (namespace: string, spec: Parameters<KubeClient['createToken']>[1]): Promise<unknown> =>
    operator.createToken({ namespace, name: 'myaccount' }, spec);

  it('for a proof is made', async () => {
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
  ])('%s is not', async (_what, spec) => {
    expect(await refusal(request(target, spec))).toContain('may only request tokens for sts.amazonaws.com');
  });

  it('that lives longer than ten minutes is not', async () => {
    expect(await refusal(request(target, { ...stsToken, expirationSeconds: 601 }))).toContain(
      'within 600 seconds',
    );
  });

  it('of a ServiceAccount outside the targets is not, whatever role that may assume', async () => {
    expect(await refusal(request(elsewhere, stsToken))).toContain(`with the label ${targetLabel}`);
  });

  it('for Pod Identity is made when it is bound to a pod', async () => {
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

  it('is nobody else’s business: an administrator makes any', async () => {
    await admin.createToken(
      { namespace: elsewhere, name: 'myaccount' },
      { audiences: ['x'], expirationSeconds: 7200 },
    );
  });
});

describe('a write', () => {
  it('into a target is made, and into another namespace is not', async () => {
    await operator.create(resources.serviceAccounts, serviceAccount(target, 'linked'));
    const outside = [
      operator.create(resources.serviceAccounts, serviceAccount(elsewhere, 'linked')),
      operator.patch(
        resources.serviceAccounts,
        { namespace: elsewhere, name: 'myaccount' },
        { metadata: { annotations: { 'eks.amazonaws.com/role-arn': 'x' } } },
        { type: 'merge' },
      ),
      operator.delete(resources.serviceAccounts, { namespace: elsewhere, name: 'myaccount' }),
    ];
    for (const message of await Promise.all(outside.map(refusal)))
      expect(message).toContain(`with the label ${targetLabel}`);
    await operator.delete(resources.serviceAccounts, { namespace: target, name: 'linked' });
  });

  it('of a pod is made in a dry run only', async () => {
    await operator.create(resources.pods, pod(target, 'trial'), { dryRun: true });
    expect(await refusal(operator.create(resources.pods, pod(target, 'trial')))).toContain('makes no pods');
  });

  it('of a namespace makes targets, but none of Kubernetes’ own or of the operator’s', async () => {
    const mark = (name: string): Promise<unknown> =>
      operator.apply(resources.namespaces, namespaceOf(name, { [targetLabel]: name }), applying);
    await mark('staging');
    await operator.create(resources.serviceAccounts, serviceAccount('staging', 'linked'));
    for (const name of ['kube-system', 'kube-public', identity.namespace])
      expect(await refusal(mark(name))).toContain('cannot be targets');
  });

  it('of an account keeps its finalizers, and not what it asks for', async () => {
    await admin.create<LinkedServiceAccount>(linkedServiceAccounts, account('mine'));
    const patch = (change: object): Promise<unknown> =>
      operator.patch(linkedServiceAccounts, { name: 'mine' }, change, { type: 'merge' });
    await patch({ metadata: { finalizers: ['k11n.dev/iam-role'] } });
    expect(await refusal(patch({ spec: { deletionPolicy: 'Retain' } }))).toContain(
      'may not change what an account asks for',
    );
    // And what would give permissions to more pods needs a right that it has not.
    expect(await refusal(patch({ spec: { targets: ['staging'] } }))).toContain('ValidatingAdmissionPolicy');
    expect(await refusal(operator.create(linkedServiceAccounts, account('own')))).toContain('cannot create');
    expect(await refusal(operator.delete(linkedServiceAccounts, { name: 'mine' }))).toContain(
      'cannot delete',
    );
  });

  it('of rights is not among its rights', async () => {
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'more' },
    };
    expect(await refusal(operator.create(resources.clusterRoles, role))).toContain('cannot create');
    expect(await refusal(operator.list(resources.secrets, { namespace: target }))).toContain('cannot list');
  });
});
