/**
 * Objects and CRDs of one version with the operator of another version, on a real API server: objects that were stored
 * under the schemas of 0.1.0 and are read under the present schemas, and the reverse; an operator that is newer than
 * the CRDs, as after a `helm upgrade`, which does not update CRDs; and two operators of different versions one after
 * the other. Both operators are built from the present sources, one of them with a later version number.
 * `test/e2e/upgrade.test.ts` tests the upgrade from a real previous version.
 */
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { GetRoleCommand } from '@aws-sdk/client-iam';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { crds, schemaVersion as crdVersion } from '../../../src/api/index.ts';
import { untilServed } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { startAwsCluster, type AwsCluster } from '../cli/aws-cluster.ts';
import { prepareKon, type Kon, type Running } from '../cli/kon.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const queues = 'arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess';
const history = resolve(import.meta.dirname, '../../../src/api/history/v0.1.0');

let world: AwsCluster;
/** The executable that is built from the present sources with a later version number. */
let next: Kon;

type Stored = {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
    readonly managedFields?: readonly { readonly manager: string; readonly time: string }[];
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: {
    readonly roleArn?: string;
    readonly observedGeneration?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime: string;
    }[];
  };
};

const kubectl = (args: string, input?: string): Promise<string> =>
  world.cluster.kubectl(args.split(' '), input);
const read = async (resource: string, name: string): Promise<Stored> =>
  JSON.parse(await kubectl(`get ${resource} ${name} -o json`)) as Stored;
const untilReady = (resource: string, name: string): Promise<string> =>
  kubectl(`wait --for=condition=Ready ${resource}/${name} --timeout=60s`);

async function applyCrds(manifests: readonly string[]): Promise<void> {
  await kubectl('apply --server-side --force-conflicts -f -', manifests.join('---\n'));
  await eventually('the CRDs to be established', () =>
    kubectl('wait --for=condition=Established crd --all --timeout=30s').catch(() => undefined),
  );
  const names = await kubectl('get crd -o jsonpath={.items[*].metadata.name}');
  await untilServed(
    world.cluster,
    names.split(' ').map((name) => ({ metadata: { name } })),
  );
}
const oldCrds = async (): Promise<void> => {
  const files = globSync('*.yaml', { cwd: history });
  await applyCrds(await Promise.all(files.map((file) => readFile(join(history, file), 'utf8'))));
};
const newCrds = (): Promise<void> => applyCrds(crds().map((crd) => stringify(crd)));

/** Returns an account that sets every field of 0.1.0. */
const account = (name: string, spec: object = {}): object => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name, labels: { team: 'payments' } },
  spec: {
    targets: ['production', 'staging'],
    aws: {
      policyArns: [readOnly],
      maxSessionDuration: 7200,
      tags: { team: 'payments', 'cost-center': '7' },
      ...spec,
    },
    deletionPolicy: 'Retain',
  },
});
const app = {
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'App',
  metadata: { name: 'shop' },
  spec: {
    registry: '123456789012.dkr.ecr.us-west-2.amazonaws.com',
    image: 'shop',
    imageTag: '1.0',
    ports: [{ name: 'http', port: 8080 }],
    command: ['node'],
    args: ['main.js'],
    env: [{ name: 'MODE', value: 'a' }],
    serviceAccount: 'kept',
    imagePullSecrets: ['registry'],
    resources: { requests: { cpu: '100m' }, limits: { memory: '64Mi' } },
    probes: { readiness: { httpGet: { path: '/', port: 8080 } }, liveness: { tcpSocket: { port: 8080 } } },
    scale: { min: 1, max: 3, targetCPUUtilizationPercentage: 80 },
    targets: [
      {
        name: 'production',
        env: [{ name: 'MODE', value: 'b' }],
        scale: { min: 2 },
        ingress: { hosts: ['shop.example.com'], paths: ['/'], port: 'http', annotations: { a: 'b' } },
      },
      { name: 'staging', deployMode: 'halt' },
    ],
  },
};

/** Waits until the operator has reconciled the present spec. */
const observed = (name: string): Promise<true> =>
  eventually(`the edit of ${name} to be executed`, async () => {
    const { metadata, status } = await read('lsa', name);
    return status?.observedGeneration === metadata.generation ? true : undefined;
  });

type AuditEvent = {
  readonly stage: string;
  readonly verb: string;
  readonly userAgent?: string;
  readonly objectRef?: { readonly resource: string; readonly name?: string; readonly subresource?: string };
};

/** Returns the operator version of each write of an account's status. */
async function statusWrites(name: string): Promise<readonly string[]> {
  const lines = (await readFile(join(dirname(world.cluster.log), 'audit.log'), 'utf8'))
    .split('\n')
    .slice(0, -1);
  return lines
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(
      ({ stage, verb, objectRef }) =>
        stage === 'ResponseComplete' &&
        verb === 'patch' &&
        objectRef?.resource === 'linkedserviceaccounts' &&
        objectRef.name === name &&
        objectRef.subresource === 'status',
    )
    .map(({ userAgent = '' }) => /konstellation\/(\S+)/.exec(userAgent)?.[1] ?? userAgent);
}

/** Position in the journal after the last AWS call that `awsWrites` has already returned. */
let position = 0;
function awsWrites(): readonly string[] {
  const entries = world.aws.journal.entries({ since: position });
  position = entries.at(-1)?.sequence ?? position;
  return entries.filter(({ changed }) => changed).map(({ action }) => action);
}

const running = new Set<Running>();
const startOperator = async (kon: Kon): Promise<Running> => {
  const operator = kon.start(['operator', '--log-format', 'json']);
  running.add(operator);
  await operator.until('operator started');
  return operator;
};
async function stop(operator: Running): Promise<string> {
  running.delete(operator);
  operator.stop();
  const { stderr } = await operator.finished;
  return stderr;
}

beforeAll(async () => {
  world = await startAwsCluster({ crds: false });
  next = await prepareKon(world.kon.env, { version: '0.2.0' });
  await oldCrds();
  const config = {
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'ClusterConfig',
    metadata: { name: 'main' },
    spec: {
      targets: ['production', 'staging'],
      aws: {
        region: 'eu-west-1',
        allowedPolicyArns: ['arn:aws:iam::aws:policy/*'],
        tags: { owner: 'platform' },
        driftIntervalSeconds: 3600,
      },
    },
  };
  await kubectl(
    'create -f -',
    [config, account('kept'), app].map((object) => stringify(object)).join('---\n'),
  );
});

afterAll(async () => {
  await next?.remove();
  await world?.stop();
});

/** Stops every operator, because an operator that a failed test leaves behind would keep the lease. */
afterEach(async () => {
  for (const operator of running) await stop(operator);
});

describe('an upgrade', () => {
  let before: Stored;
  let roleId: string | undefined;
  const roleOf = async (): Promise<string | undefined> => {
    const RoleName = (await read('lsa', 'kept')).status?.roleArn?.split('/').at(-1);
    return (await world.iam.send(new GetRoleCommand({ RoleName }))).Role?.RoleId;
  };

  it('can begin with the operator: under the CRDs of 0.1.0, the new operator applies edits and repeats no write', async () => {
    const operator = await startOperator(world.kon);
    await untilReady('lsa', 'kept');
    roleId = await roleOf();
    awsWrites();
    const earlier = (await statusWrites('kept')).length;
    await kubectl(`patch lsa kept --type=merge -p {"spec":{"aws":{"maxSessionDuration":3600}}}`);
    await observed('kept');
    await untilReady('lsa', 'kept');
    expect(awsWrites()).toEqual(['UpdateRole']);
    // The operator must not repeat writes of status fields that an older schema drops: neither while it reconciles
    // other objects, nor after a change of a label.
    const written = await eventually('the audit log to contain the write of the status', async () => {
      const { length } = await statusWrites('kept');
      return length > earlier ? length : undefined;
    });
    await kubectl('label lsa kept seen=1');
    await kubectl('create -f -', stringify(account('barrier')));
    await untilReady('lsa', 'barrier');
    await kubectl('label --overwrite lsa kept seen=2');
    await kubectl('delete lsa barrier');
    expect(await statusWrites('kept')).toHaveLength(written);
    expect(await stop(operator)).not.toContain('"level":"error"');
    awsWrites();
    before = await read('lsa', 'kept');
  });

  it('keeps every object as it was stored, and every object can be written again unchanged', async () => {
    const stored = await Promise.all([
      read('lsa', 'kept'),
      read('apps.k11n.dev', 'shop'),
      read('clusterconfig', 'main'),
    ]);
    await newCrds();
    const now = await Promise.all([
      read('lsa', 'kept'),
      read('apps.k11n.dev', 'shop'),
      read('clusterconfig', 'main'),
    ]);
    expect(now).toEqual(stored);
    for (const object of now) await kubectl('replace -f -', JSON.stringify(object));
    for (const target of ['lsa kept', 'apps.k11n.dev shop', 'clusterconfig main'])
      await kubectl(`label ${target} upgraded=yes`);
  });

  it('recreates no role, keeps accounts proven without interruption, and applies edits', async () => {
    awsWrites();
    const operator = await startOperator(next);
    await kubectl(
      `patch lsa kept --type=merge -p {"spec":{"aws":{"policyArns":["${readOnly}","${queues}"]}}}`,
    );
    await observed('kept');
    expect(awsWrites()).toEqual(['AttachRolePolicy']);
    expect(await roleOf()).toBe(roleId);
    const turned = (object: Stored): string | undefined =>
      object.status?.conditions?.find(({ type }) => type === 'IdentityProven')?.lastTransitionTime;
    const after = await read('lsa', 'kept');
    expect(turned(after)).toBe(turned(before));
    await stop(operator);
  });

  it('can be reverted: objects that newer schemas accept are read, edited and reconciled under the older schemas', async () => {
    await kubectl('create -f -', stringify(account('newer', { identityMode: 'IRSA' })));
    const operator = await startOperator(next);
    await untilReady('lsa', 'newer');
    await stop(operator);
    await oldCrds();
    // The API server loads a changed CRD from a watch, so with a delay. From then on, the API server removes fields
    // that the schema does not contain.
    await eventually('the old schema to be served', async () =>
      'identityMode' in ((await read('lsa', 'newer')).spec['aws'] as object) ? undefined : true,
    );
    // The old schema does not know the new field, but the server must not reject the object because of this field.
    await kubectl('label lsa newer rolled-back=yes');
    await kubectl('label lsa kept rolled-back=yes');
    expect((await read('lsa', 'newer')).spec['aws']).not.toHaveProperty('identityMode');
    awsWrites();
    const older = await startOperator(world.kon);
    await kubectl(`patch lsa newer --type=merge -p {"spec":{"aws":{"policyArns":["${queues}"]}}}`);
    await observed('newer');
    expect(awsWrites()).toEqual(['AttachRolePolicy', 'DetachRolePolicy']);
    await untilReady('lsa', 'newer');
    await stop(older);
  });
});

describe('CRDs of a later version than the operator', () => {
  const names = crds().map(({ metadata }) => metadata.name);
  const mark = (version: number): Promise<string> =>
    kubectl(`annotate --overwrite crd ${names[1]} k11n.dev/schema-version=${version}`);
  const condition = (field: string): Promise<string> =>
    kubectl(`get clusterconfig main -o jsonpath={.status.conditions[?(@.type=="OperatorCurrent")].${field}}`);
  const accounts = Array.from({ length: 100 }, (_, index) => `many-${index}`);

  it("stop the operator's writes to AWS within a second, even while accounts are created; the writes resume after the CRDs are reverted", async () => {
    await newCrds();
    const operator = await startOperator(world.kon);
    await untilReady('lsa', 'kept');
    awsWrites();
    const creating = kubectl('create -f -', accounts.map((name) => stringify(account(name))).join('---\n'));
    await eventually('the first roles', () =>
      Promise.resolve(awsWrites().includes('CreateRole') || undefined),
    );
    await mark(crdVersion + 1);
    const marked = Date.now();
    await creating;
    expect(await eventually('the condition', async () => (await condition('reason')) || undefined)).toBe(
      'OperatorOutdated',
    );
    expect(await condition('message')).toContain(`schema version ${crdVersion + 1}`);
    await eventually('the lease to be given back', async () =>
      (await kubectl('get lease -n kube-system konstellation -o jsonpath={.spec.holderIdentity}')) === ''
        ? true
        : undefined,
    );
    const late = world.aws.journal.entries().filter(({ changed, time }) => changed && time > marked + 1_000);
    expect(late.map(({ action }) => action)).toEqual([]);
    const roles = world.aws.journal.entries().filter(({ action }) => action === 'CreateRole').length;
    expect(roles).toBeLessThan(accounts.length);
    const kept = await read('lsa', 'kept');
    expect(kept.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True' });

    await mark(crdVersion);
    for (const name of accounts) await untilReady('lsa', name);
    // The operator removes the condition `OperatorCurrent` independently of the accounts, so possibly later.
    await eventually('the condition to be removed', async () =>
      (await condition('reason')) === '' ? true : undefined,
    );
    await kubectl(`delete lsa ${accounts.join(' ')}`);
    const log = await stop(operator);
    expect(log).toContain('operator paused');
    expect(log).toContain('operator resumes');
  });

  it('are reported by an operator that starts after their installation; this operator releases the lease, and writes nothing to AWS until the CRDs are reverted', async () => {
    await mark(crdVersion + 1);
    awsWrites();
    const operator = await startOperator(world.kon);
    await eventually('the condition', async () => (await condition('reason')) || undefined);
    await kubectl(`patch lsa kept --type=merge -p {"spec":{"aws":{"policyArns":["${readOnly}"]}}}`);
    await eventually('the lease to be given back', async () =>
      (await kubectl('get lease -n kube-system konstellation -o jsonpath={.spec.holderIdentity}')) === ''
        ? true
        : undefined,
    );
    expect(awsWrites()).toEqual([]);
    await mark(crdVersion);
    await eventually(
      'the edit to reach IAM',
      async () => awsWrites().includes('DetachRolePolicy') || undefined,
    );
    await kubectl(
      `patch lsa kept --type=merge -p {"spec":{"aws":{"policyArns":["${readOnly}","${queues}"]}}}`,
    );
    await observed('kept');
    await eventually('the condition to be removed', async () =>
      (await condition('reason')) === '' ? true : undefined,
    );
    await stop(operator);
  });
});

describe('a roll-out of the operator', () => {
  it('passes leadership from the old to the new version without a gap, a repeated write or an error in the log', async () => {
    await newCrds();
    const older = await startOperator(world.kon);
    await older.until('operator leads');
    await untilReady('lsa', 'kept');
    const newer = await startOperator(next);
    const holder = (): Promise<string> =>
      kubectl('get lease -n kube-system konstellation -o jsonpath={.spec.holderIdentity}');
    const first = await holder();
    awsWrites();
    // The older operator still leads, so the older operator reconciles this change.
    await kubectl(`patch lsa kept --type=merge -p {"spec":{"aws":{"policyArns":["${readOnly}"]}}}`);
    await observed('kept');
    expect(awsWrites()).toEqual(['DetachRolePolicy']);
    expect(await holder()).toBe(first);
    expect((await statusWrites('kept')).at(-1)).toBe('0.1.0');

    const end = await stop(older);
    await newer.until('operator leads');
    expect(await holder()).not.toBe(first);
    const settled = await read('lsa', 'kept');
    await kubectl(
      `patch lsa kept --type=merge -p {"spec":{"aws":{"policyArns":["${readOnly}","${queues}"]}}}`,
    );
    await observed('kept');
    expect(awsWrites()).toEqual(['AttachRolePolicy']);
    // The API server writes the audit log's line for a request after it has responded, so the line may still be
    // missing.
    await eventually('the audit log to end with a write of the newer operator', async () =>
      (await statusWrites('kept')).at(-1) === '0.2.0' ? true : undefined,
    );
    const ready = (object: Stored): unknown =>
      object.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready(settled)).toMatchObject({ status: 'True' });
    // The log before `operator leads` is left out, because the older operator read the new CRDs at its start, and the
    // server briefly returned 404 for these CRDs.
    const log = `${end.slice(end.indexOf('operator leads'))}${await stop(newer)}`;
    expect(log).not.toMatch(/"level":"(error|warn)"/);
  });
});
