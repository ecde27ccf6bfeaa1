/**
 * The first seconds of an installation: a user who may write accounts, but not attach policies, tries to create an
 * account with AdministratorAccess as soon as the API server responds. No attempt may be admitted.
 */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiVersion, linkedServiceAccounts } from '../../../src/api/index.ts';
import {
  createKubeClient,
  loadConnection,
  resources,
  staticConnection,
  type KubeClient,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { eventually } from '../../support/eventually.ts';
import { prepareExecutable, type Executable } from '../../support/executable.ts';
import { startSandbox } from '../../support/sandbox.ts';

let executable: Executable;
beforeAll(async () => {
  executable = await prepareExecutable();
});
afterAll(async () => {
  await executable?.remove();
});

const administratorAccess = 'arn:aws:iam::aws:policy/AdministratorAccess';
const name = 'somebody';

/** Repeated attempts to create an account: `answers` counts them by response code. */
type Attempts = { readonly answers: ReadonlyMap<string, number>; end(): Promise<void> };

/** Creates a user with every verb on accounts and no other permission. */
async function somebody(kubeconfig: string): Promise<KubeClient> {
  const connection = await loadConnection({ kubeconfig, env: {} });
  const admin = createKubeClient(connection, { qps: 1000, burst: 1000 });
  const rbac = 'rbac.authorization.k8s.io';
  const apply = (
    resource: (typeof resources)[keyof typeof resources],
    object: KubeObject,
  ): Promise<unknown> => admin.apply(resource, object, { fieldManager: 'test', force: true });
  await apply(resources.serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'default', name },
  });
  await apply(resources.clusterRoles, {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name },
    rules: [{ apiGroups: ['k11n.dev'], resources: [linkedServiceAccounts.plural], verbs: ['*'] }],
  } as KubeObject);
  await apply(resources.clusterRoleBindings, {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', namespace: 'default', name }],
  } as KubeObject);
  const { token } = await admin.createToken(
    { namespace: 'default', name },
    { audiences: ['https://kubernetes.default.svc'], expirationSeconds: 3600 },
  );
  await admin.close();
  const { tls } = await connection.credentials();
  return createKubeClient(staticConnection({ server: connection.server, tls: { ca: tls.ca ?? '' }, token }), {
    qps: 1000,
    burst: 1000,
  });
}

function attempt(client: KubeClient): Attempts {
  const answers = new Map<string, number>();
  const ended = new AbortController();
  const trying = (async () => {
    for (let number = 0; !ended.signal.aborted; number += 1) {
      const answer = await client
        .create(linkedServiceAccounts, {
          apiVersion,
          kind: linkedServiceAccounts.kind,
          metadata: { name: `attempt-${number}` },
          spec: { aws: { policyArns: [administratorAccess] } },
        } as KubeObject)
        .then(
          () => 'admitted',
          (error: { readonly status?: number }) => String(error.status),
        );
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  })();
  return {
    answers,
    end: async () => {
      ended.abort();
      await trying;
      await client.close();
    },
  };
}

it('while a sandbox starts, a user who is not permitted to attach policies can never create an account with a policy', async () => {
  const folder = join(executable.folder, 'starting');
  const running = executable.start(['sandbox', 'up', `--state-dir=${folder}`]);
  const kubeconfig = join(folder, 'kubeconfig');
  await eventually('the API server to answer', async () =>
    access(kubeconfig).then(
      () => true,
      () => undefined,
    ),
  );
  const attempts = attempt(await somebody(kubeconfig));
  await running.until('is ready after');
  await attempts.end();
  // Until the CRD is served, the response is 404. Once it is served, the admission policies deny the request (403). The
  // CRD may be served before the first attempt.
  expect([...attempts.answers.keys()].filter((answer) => answer !== '404')).toEqual(['403']);
  await running.end('SIGTERM');
});

it('while kon installs, uninstalls and installs again, a user who is not permitted to attach policies can never create an account with a policy', async () => {
  const sandbox = await startSandbox({ bare: true });
  try {
    const attempts = attempt(await somebody(sandbox.description.kubeconfig));
    for (const command of [
      'install --without-operator --unbounded',
      'uninstall',
      'install --without-operator --unbounded',
    ]) {
      const { code, stderr } = await sandbox.kon([...command.split(' '), '--yes']);
      expect(code, stderr).toBe(0);
    }
    await attempts.end();
    expect([...attempts.answers.keys()].sort()).toEqual(['403', '404']);
  } finally {
    await sandbox.stop();
  }
});
