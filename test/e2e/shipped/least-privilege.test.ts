/**
 * The chart as shipped, in a cluster: its operator, with the ServiceAccount and arguments of its Deployment, works and
 * uses exactly the permissions that it has. The audit log of Kubernetes and the journal of the AWS emulator show this.
 */
import { CreateRoleCommand, PutRolePolicyCommand, TagRoleCommand } from '@aws-sdk/client-iam';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import {
  operatorClusterRules,
  operatorNamespaceRules,
  probeLease,
  usernameOf,
  type Rule,
} from '../../../src/rbac/index.ts';
import {
  apiVersion,
  apps,
  clusterConfigs,
  linkedServiceAccounts,
  restartLabel,
  type LinkedServiceAccount,
} from '../../../src/api/index.ts';
import { findCondition } from '../../../src/k8s/conditions.ts';
import { operatorCalls } from '../../../src/identity/index.ts';
import { isNotFound, resources, type KubeObject, type Resource } from '../../../src/kube/index.ts';
import { renderKubeconfig } from '../../../sandbox/src/cluster/kubeconfig.ts';
import { eventually } from '../../support/eventually.ts';
import type { Running } from '../../support/executable.ts';
import { findHelm, type RenderedObject } from '../../support/helm.ts';
import { createPerson, policies, roleOf, type Person, type Pod } from '../../support/person.ts';
import { startSandbox, type TestSandbox } from '../../support/sandbox.ts';
import { roleNameOf } from '../../support/emulator.ts';

const identity = { namespace: 'konstellation-system', name: 'konstellation' };
const [production, staging] = ['production', 'staging'];

let sandbox: TestSandbox;
let person: Person;
let operator: Running;
beforeAll(async () => {
  const helm = await findHelm();
  sandbox = await startSandbox({ operator: false });
  person = createPerson(sandbox.client);
  try {
    const rendered = await helm.template();
    await install(rendered);
    operator = await startAsDeployed(rendered);
  } finally {
    await helm.remove();
  }
  await eventually('the targets', async () => {
    const { items } = await sandbox.client.list<KubeObject>(resources.namespaces);
    const names = items.map(({ metadata }) => metadata.name);
    return names.includes(production) && names.includes(staging) ? true : undefined;
  });
}, 900_000);
afterAll(async () => {
  await operator?.end('SIGKILL');
  await sandbox?.stop();
});

async function install(rendered: readonly RenderedObject[]): Promise<void> {
  const file = join(sandbox.executable.folder, 'chart.yaml');
  await writeFile(file, rendered.map((object) => stringify(object, { lineWidth: 0 })).join('---\n'));
  const { spawn } = await import('node:child_process');
  const child = spawn(
    sandbox.description.kubectl,
    ['apply', '--server-side', '--force-conflicts', '--validate=strict', '-f', file],
    // kubectl caches discovery results in its home directory, so the test gives kubectl a separate one.
    {
      env: { ...sandbox.env, HOME: sandbox.executable.folder },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const code = await new Promise((done, fail) => child.once('error', fail).once('exit', done));
  expect(code).toBe(0);
}

/**
 * Starts a process in place of the pod, with the same arguments, a token of the same ServiceAccount, and the operator's
 * AWS credentials.
 */
async function startAsDeployed(rendered: readonly RenderedObject[]): Promise<Running> {
  const { description, client, executable } = sandbox;
  const run = (name: string): string => join(description.folder, 'run', name);
  const { token } = await client.createToken(identity, {
    audiences: ['https://kubernetes.default.svc'],
    expirationSeconds: 7200,
  });
  const tokenFile = join(executable.folder, 'token');
  const kubeconfig = join(executable.folder, 'operator.kubeconfig');
  await writeFile(tokenFile, token);
  await writeFile(
    kubeconfig,
    renderKubeconfig({
      server: description.server,
      caCertificate: await readFile(run('ca.crt'), 'utf8'),
      client: { tokenFile },
      name: 'operator',
    }),
  );
  const { credentials } = z
    .object({
      credentials: z.array(
        z.object({ userName: z.string(), accessKeyId: z.string(), secretAccessKey: z.string() }),
      ),
    })
    .parse(JSON.parse(await readFile(run('aws.json'), 'utf8')));
  const keys = credentials.find(({ userName }) => userName === 'konstellation-operator');
  const deployment = rendered.find(({ kind }) => kind === 'Deployment')?.spec as {
    readonly template: {
      readonly spec: { readonly containers: readonly [{ readonly args: readonly string[] }] };
    };
  };
  const [{ args }] = deployment.template.spec.containers;
  const started = sandbox.startKon(
    args.map((arg) => (arg.startsWith('--health-address=') ? '--health-address=127.0.0.1:0' : arg)),
    {
      env: {
        KUBECONFIG: kubeconfig,
        AWS_ACCESS_KEY_ID: keys?.accessKeyId ?? '',
        AWS_SECRET_ACCESS_KEY: keys?.secretAccessKey ?? '',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      },
    },
  );
  await started.until('operator leads');
  return started;
}

const merge = { type: 'merge', fieldManager: 'test' } as const;
const editAccount = (name: string, spec: object): Promise<unknown> =>
  sandbox.client.patch(linkedServiceAccounts, { name }, { spec }, merge);

async function roleOfAccount(name: string): Promise<string> {
  return roleNameOf((await person.untilReady(name)).status?.roleArn ?? '');
}

const gone = (resource: Resource, namespace: string, name: string): Promise<true> =>
  eventually(`${resource.kind} ${namespace}/${name} to be gone`, async () => {
    try {
      await sandbox.client.get(resource, { namespace, name });
      return undefined;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  });

async function putInlinePolicy(RoleName: string): Promise<void> {
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  });
  await sandbox.aws.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'intruder', PolicyDocument }));
}

describe('the operator of the chart', () => {
  test('keeps a role in sync with every field of an account', async () => {
    const { aws, client } = sandbox;
    await person.createAccount('full', { policyArns: [policies.readOnly], targets: [production] });
    const role = await roleOfAccount('full');
    const until = (what: string, fits: (is: NonNullable<Awaited<ReturnType<typeof aws.role>>>) => boolean) =>
      eventually(what, async () => {
        const is = await aws.role(role);
        return is && fits(is) ? is : undefined;
      });
    await person.editPolicies('full', [policies.fullAccess, policies.queues]);
    await until(
      'other policies',
      ({ attached }) => attached.join() === [policies.fullAccess, policies.queues].sort().join(),
    );
    await editAccount('full', { aws: { tags: { team: 'a' }, maxSessionDuration: 7200 } });
    await until('tag and duration', (is) => is.tags['team'] === 'a' && is.maxSessionDuration === 7200);
    await editAccount('full', { aws: { tags: null } });
    await until('no tag', (is) => is.tags['team'] === undefined);
    await editAccount('full', { aws: { permissionsBoundaryArn: policies.fullAccess } });
    await person.untilReady('full');
    await editAccount('full', { aws: { permissionsBoundaryArn: null } });
    await person.untilReady('full');
    await editAccount('full', { targets: [production, staging] });
    await until('both targets in the trust policy', (is) => is.trustPolicy.includes(`:${staging}:full`));

    await client.patch(
      clusterConfigs,
      { name: sandbox.description.name },
      { spec: { aws: { strictInline: true } } },
      merge,
    );
    await putInlinePolicy(role);
    await until('no inline policy', ({ inline }) => inline.length === 0);
  });

  test('links a ServiceAccount that a user hands over, and unlinks it when the account is deleted', async () => {
    const { client } = sandbox;
    await client.create<KubeObject>(resources.serviceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace: staging, name: 'handed', labels: { 'k11n.dev/account': 'handed' } },
    });
    await person.createAccount('handed', { targets: [staging] });
    await person.untilReady('handed');
    await person.deleteAccount('handed');
    await person.untilAccountGone('handed');
    const left = await person.serviceAccount(staging, 'handed');
    expect(left?.metadata.annotations?.['eks.amazonaws.com/role-arn']).toBeUndefined();
  });

  test('does not adopt a role that someone else created until the role has the tag of the cluster, as the IAM policy requires', async () => {
    const { aws, client, description } = sandbox;
    const RoleName = 'made-by-terraform';
    const AssumeRolePolicyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    });
    await aws.iam.send(new CreateRoleCommand({ RoleName, Path: '/terraform/', AssumeRolePolicyDocument }));
    await putInlinePolicy(RoleName);
    const before = await aws.role(RoleName);
    await client.create<LinkedServiceAccount>(linkedServiceAccounts, {
      apiVersion,
      kind: 'LinkedServiceAccount',
      metadata: { name: 'adopted' },
      spec: {
        deletionPolicy: 'Delete',
        targets: [production],
        aws: { policyArns: [policies.readOnly], roleName: RoleName },
      },
    });
    await person.untilAccount('adopted', 'that the role is not its own', ({ status }) =>
      findCondition(status?.conditions, 'RoleSynced')?.reason === 'RoleNotOwned' ? true : undefined,
    );
    expect(await aws.role(RoleName)).toEqual(before);
    const { region, accountId, name } = description;
    const Value = `arn:aws:eks:${region}:${accountId}:cluster/${name}`;
    await aws.iam.send(new TagRoleCommand({ RoleName, Tags: [{ Key: 'k11n.dev/cluster', Value }] }));
    await editAccount('adopted', { aws: { adopt: true } });
    await person.untilReady('adopted');
    expect((await aws.role(RoleName))?.attached).toEqual([policies.readOnly]);
  });

  test('creates and deletes all objects of an app', async () => {
    const port = { name: 'http', port: 8080, protocol: 'TCP' as const };
    const target = { name: production, deployMode: 'latest' as const };
    await person.createApp('web', {
      ports: [port],
      configs: [{ name: 'settings', data: { LOG_LEVEL: 'info' } }],
      targets: [{ ...target, scale: { min: 2, max: 3 }, ingress: { hosts: ['web.example'] } }],
    });
    const made = [
      resources.services,
      resources.ingresses,
      resources.horizontalPodAutoscalers,
      resources.podDisruptionBudgets,
    ];
    for (const resource of made)
      await eventually(`the ${resource.kind}`, () =>
        sandbox.client.get(resource, { namespace: production, name: 'web' }).catch((error: unknown) => {
          if (isNotFound(error)) return undefined;
          throw error;
        }),
      );
    await person.editApp('web', { ports: [], configs: [], targets: [target] });
    for (const resource of made) await gone(resource, production, 'web');
    await eventually('its config is gone', async () => {
      const { items } = await sandbox.client.list(resources.configMaps, {
        namespace: production,
        labelSelector: 'k11n.dev/app=web',
      });
      return items.length === 0 || undefined;
    });
    await person.editApp('web', { targets: [{ ...target, name: staging }] });
    await gone(resources.deployments, production, 'web');
  });

  test('replaces pods that the webhook missed, and restarts workloads with the restart label', async () => {
    const { client } = sandbox;
    const webhook = { name: 'pod-identity-webhook' };
    const registration = await client.get<KubeObject>(resources.mutatingWebhookConfigurations, webhook);
    await person.createAccount('used', { targets: [production] });
    await person.createApp('missed', {
      serviceAccount: 'used',
      targets: [{ name: production, deployMode: 'latest' }],
    });
    await person.untilAppReady('missed');
    await client.delete(resources.mutatingWebhookConfigurations, webhook);
    await eventually('that the webhook missed a pod', async () => {
      const [pod, ...others] = await person.pods('missed', production);
      if (!pod || others.length > 0) return undefined;
      if (roleOf(pod) === undefined) return true;
      await client.delete(resources.pods, pod.metadata);
      return undefined;
    });
    const template = (name: string): object => ({
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          serviceAccountName: 'used',
          containers: [{ name: 'main', image: 'registry.k8s.io/pause:3.10' }],
        },
      },
    });
    for (const [resource, extra] of [
      [resources.deployments, {}],
      [resources.statefulSets, { serviceName: 'x' }],
      [resources.daemonSets, {}],
    ] as const) {
      const name = resource.plural;
      await client.create<KubeObject>(resource, {
        apiVersion: 'apps/v1',
        kind: resource.kind,
        metadata: { namespace: production, name, labels: { [restartLabel]: 'true' } },
        spec: { ...template(name), ...extra },
      } as KubeObject);
    }
    const untilPodsOf = (name: string, what: string, fits: (pod: Pod) => boolean): Promise<true> =>
      eventually(`${what} in pods of ${name}`, async () => {
        const { items } = await client.list<Pod>(resources.pods, {
          namespace: production,
          labelSelector: `app=${name}`,
        });
        return items.length > 0 && items.every(fits) ? true : undefined;
      });
    const names = ['deployments', 'statefulsets', 'daemonsets'];
    for (const name of names) await untilPodsOf(name, 'no role', (pod) => roleOf(pod) === undefined);
    const { resourceVersion: _, uid: __, ...metadata } = registration.metadata;
    await client.create<KubeObject>(resources.mutatingWebhookConfigurations, { ...registration, metadata });
    await person.untilPods('missed', production, 'the role', (pod) => roleOf(pod) !== undefined);
    for (const name of names) await untilPodsOf(name, 'the role', (pod) => roleOf(pod) !== undefined);
  });

  test('cleans up in a target that the ClusterConfig no longer lists', async () => {
    const { client, description } = sandbox;
    const setTargets = (targets: readonly string[]): Promise<unknown> =>
      client.patch(clusterConfigs, { name: description.name }, { spec: { targets } }, merge);
    await client.create<KubeObject>(resources.serviceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace: staging, name: 'given', labels: { 'k11n.dev/account': 'given' } },
    });
    const names = ['leaving', 'given', 'unlinked-late'];
    for (const name of names) await person.createAccount(name, { targets: [staging] });
    for (const name of names) await person.untilReady(name);
    await person.createApp('moved', { targets: [{ name: staging, deployMode: 'latest' }] });
    await person.untilAppReady('moved');
    await setTargets([production]);
    for (const name of ['leaving', 'given']) await editAccount(name, { targets: [production] });
    await gone(resources.serviceAccounts, staging, 'leaving');
    await eventually('ServiceAccount to be unlinked', async () => {
      const given = await person.serviceAccount(staging, 'given');
      return given?.metadata.annotations?.['eks.amazonaws.com/role-arn'] === undefined ? true : undefined;
    });
    await person.deleteAccount('unlinked-late');
    await person.untilAccountGone('unlinked-late');
    await person.editApp('moved', { targets: [{ name: production, deployMode: 'latest' }] });
    await gone(resources.deployments, staging, 'moved');
    await client.delete(apps, { name: 'moved' });
    for (const name of ['leaving', 'given']) await person.deleteAccount(name);
    for (const name of ['leaving', 'given']) await person.untilAccountGone(name);
    await setTargets([production, staging]);
  });

  test('is permitted to read the node of a pod, to report that no Pod Identity agent is ready on that node', async () => {
    const agent = { namespace: 'kube-system', name: 'eks-pod-identity-agent' };
    await sandbox.client.delete(resources.daemonSets, agent, { propagationPolicy: 'Background' });
    await person.createAccount('agentless', { identityMode: 'PodIdentity', targets: [production] });
    await person.createApp('agentless', {
      serviceAccount: 'agentless',
      targets: [{ name: production, deployMode: 'latest' }],
    });
    const { message } = await person.untilRow('agentless', production, 'AgentMissing');
    expect(message).toContain('no Pod Identity agent is ready on its node node-1');
    await sandbox.client.delete(apps, { name: 'agentless' });
    await person.deleteAccount('agentless');
    await person.untilAccountGone('agentless');
  });

  test('deletes accounts and apps completely', async () => {
    for (const name of ['web', 'missed']) await sandbox.client.delete(apps, { name });
    for (const resource of [resources.deployments, resources.statefulSets, resources.daemonSets])
      await sandbox.client.delete(
        resource,
        { namespace: production, name: resource.plural },
        { propagationPolicy: 'Background' },
      );
    await editAccount('used', { deletionPolicy: 'Retain' });
    for (const name of ['full', 'used', 'adopted']) await person.deleteAccount(name);
    for (const name of ['full', 'used', 'adopted']) await person.untilAccountGone(name);
  });
});

const auditedRequest = z.object({
  verb: z.string(),
  stage: z.string(),
  user: z.object({ username: z.string() }),
  objectRef: z
    .object({
      apiGroup: z.string().default(''),
      resource: z.string(),
      subresource: z.string().optional(),
      name: z.string().optional(),
    })
    .optional(),
  responseStatus: z.object({ code: z.number(), message: z.string().optional() }).optional(),
});

/** Permissions that a run of several minutes does not use. */
const seldom: Readonly<Record<string, string>> = {
  'patch events.k8s.io/events': 'an Event that repeats is counted after a minute',
  'get k11n.dev/linkedserviceaccounts': 'somebody else changed the account while its finalizer was written',
  'get coordination.k8s.io/leases': 'the Lease was changed by another operator',
};
/**
 * Whether the right is a fallback: informers receive the initial state from a watch, and send list requests only if the
 * server does not support such watches.
 */
const isFallback = (right: string): boolean => right.startsWith('list ');

const rightsOf = (rules: readonly Rule[]): readonly string[] =>
  rules.flatMap(({ apiGroups, resources: of, verbs }) =>
    apiGroups.flatMap((group) =>
      of.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
    ),
  );

describe('after all of these tests', () => {
  test('the API server has refused no request of the operator, and the operator has used each of its permissions', async () => {
    await operator.end('SIGTERM');
    const used = new Set<string>();
    const refused: string[] = [];
    const lines = (await readFile(join(sandbox.description.folder, 'logs/audit.log'), 'utf8')).split('\n');
    for (const line of lines.slice(0, -1)) {
      const { verb, stage, user, objectRef, responseStatus } = auditedRequest.parse(JSON.parse(line));
      if (user.username !== usernameOf(identity) || stage === 'RequestReceived' || !objectRef) continue;
      const { apiGroup, resource, subresource } = objectRef;
      const of = `${apiGroup}/${resource}${subresource === undefined ? '' : `/${subresource}`}`;
      used.add(`${verb} ${of}`);
      // A server-side apply that creates an object also needs the create permission.
      if (verb === 'patch' && responseStatus?.code === 201) used.add(`create ${of}`);
      // This write is refused on purpose, to show that the admission policies are enforced.
      if (objectRef.name === probeLease(identity.namespace).metadata.name) continue;
      if (responseStatus?.code === 403) refused.push(`${verb} ${of}: ${responseStatus.message}`);
    }
    expect(refused).toEqual([]);
    const granted = rightsOf([...operatorClusterRules, ...operatorNamespaceRules]);
    expect(granted.filter((right) => !used.has(right) && !(right in seldom) && !isFallback(right))).toEqual(
      [],
    );
    expect([...used].filter((right) => !granted.includes(right))).toEqual([]);
    expect(Object.keys(seldom).filter((right) => !granted.includes(right))).toEqual([]);
  });

  test('AWS has refused no call of the operator, and the operator has made each call that its policy allows', async () => {
    const calls = (await sandbox.aws.journal(0)).filter(({ caller }) =>
      caller?.endsWith(':user/konstellation-operator'),
    );
    expect(calls.filter(({ errorCode }) => errorCode === 'AccessDenied')).toEqual([]);
    const made = new Set(calls.filter(({ service }) => service === 'iam').map(({ action }) => action));
    // Only statements need these two calls, and this ClusterConfig does not allow statements: see
    // test/e2e/statements.test.ts.
    const ofStatements = ['GetRolePolicy', 'PutRolePolicy'];
    const others = Object.keys(operatorCalls.iam).filter((action) => !ofStatements.includes(action));
    expect([...made].sort()).toEqual(others.sort());
  });
});
