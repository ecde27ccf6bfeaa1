/** The walkthrough as a new user runs it: one command, without a terminal, and the files that remain afterwards. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apps, clusterConfigs, linkedServiceAccounts } from '../../src/api/index.ts';
import {
  createKubeClient,
  loadConnection,
  resources,
  type KubeClient,
  type KubeObject,
} from '../../src/kube/index.ts';
import { sandboxBinaries } from '../../sandbox/src/binaries/parts.ts';
import { resolveBinaries } from '../../sandbox/src/binaries/resolve.ts';
import { startWatchdog } from '../../sandbox/src/processes/watchdog.ts';
import { sandboxStatus } from '../../sandbox/src/sandbox.ts';
import type { SandboxDescription } from '../../sandbox/src/supervisor/description.ts';
import { prepareExecutable, type Executable, type Finished } from '../support/executable.ts';
import { findSecrets } from '../support/secrets.ts';
import { monotonicClock } from '../../src/k8s/testing/clocks.ts';

const walkthrough = [
  {
    step: '1. An app runs without an account: its pods have no AWS permissions',
    facts: ['the SDK in the app pod finds no credentials'],
  },
  {
    step: '2. kon account create: the account gets a role, links and a proof',
    facts: [
      'the account is Ready: its identity was proven in each target',
      'the role trusts exactly the ServiceAccounts of the targets',
      'the role has exactly the listed policy',
      'ServiceAccount production/myaccount is annotated with the role',
      'ServiceAccount staging/myaccount is annotated with the role',
      'apart from the proofs, the operator made one call for the role and one for the policy',
    ],
  },
  {
    step: '3. kon app edit: the app is redeployed with its new identity',
    facts: [
      'the pod in production has the role and a token for the role',
      'the app in production was rolled out once',
      'the pod in staging has the role and a token for the role',
      'the app in staging was rolled out once',
      'every earlier pod was replaced',
    ],
  },
  {
    step: '4. A stock AWS SDK in the pod is allowed to read but not to write',
    facts: [
      'the identity of the pod is the role',
      'the pod lists buckets',
      'the pod reads an object',
      'a write by the pod is denied',
    ],
  },
  {
    step: '5. kon account edit: the pods get more permissions within seconds, without a restart',
    facts: [
      'the operator made one call to attach and one to detach a policy, and no other write',
      'the same pod is now allowed to write',
      'no pod was replaced',
      'the app in production was not rolled out again',
      'the app in staging was not rolled out again',
    ],
  },
  {
    step: '6. The role is changed out of band: the drift is reported and repaired',
    facts: ['the policy is attached again', 'the trust policy is restored', 'pods can use the role'],
  },
  {
    step: '7. Another ServiceAccount in the namespace tries to assume the role with its own valid token',
    facts: ['STS refuses the call'],
  },
  {
    step: '8. kon account delete: waits for the pods that use the account, then removes everything',
    facts: [
      'the command names the pods that use the account',
      'the role still exists',
      'the deletion ends once no pod uses the account',
      'the role is deleted',
      'ServiceAccount production/myaccount is deleted',
      'the app keeps running in production, without an identity',
      'ServiceAccount staging/myaccount is deleted',
      'the app keeps running in staging, without an identity',
      'the role of another owner is unchanged',
    ],
  },
] as const;

let executable: Executable;
let folder: string;
let finished: Finished;
/** Description of the sandbox during the walkthrough. */
let description: SandboxDescription;
/** Every observed version of the objects that contain messages for users, as JSON. */
let reported: readonly string[];
let secrets: Readonly<Record<string, string>>;

// Programs that are missing on this machine are downloaded or built before the walkthrough, because the output of
// downloads and builds is not part of it.
beforeAll(obtainParts, 20 * 60_000);
beforeAll(async () => {
  executable = await prepareExecutable();
  folder = join(executable.folder, 'sandbox');
  const tour = executable.start(['sandbox', 'tour', '--state-dir', folder]);
  await tour.until('The sandbox is ready');
  const status = await sandboxStatus(folder);
  if (!status) throw new Error(`no sandbox runs:\n${tour.output()}`);
  description = status;
  secrets = await secretsOf(status);
  const listener = await listen(status);
  finished = await tour.finished;
  reported = await listener.end();
});
afterAll(() => executable?.remove());

async function obtainParts(): Promise<void> {
  const watchdog = await startWatchdog();
  try {
    const names = [...sandboxBinaries];
    await resolveBinaries(names, {
      env: process.env,
      now: monotonicClock,
      report: () => undefined,
      watchdog,
    });
  } finally {
    await watchdog.close();
  }
}

async function secretsOf({
  credentials,
  folder,
}: SandboxDescription): Promise<Readonly<Record<string, string>>> {
  const settings = JSON.parse(await readFile(join(folder, 'run/aws.json'), 'utf8')) as {
    credentials: { userName: string; secretAccessKey: string }[];
  };
  const keys = settings.credentials.map(
    ({ userName, secretAccessKey }) => [`the secret access key of ${userName}`, secretAccessKey] as const,
  );
  expect(keys.map(([, key]) => key)).toContain(credentials.secretAccessKey);
  return Object.fromEntries(keys);
}

/** Records all Events, and all statuses that the operator writes, until the API server stops. */
async function listen({ kubeconfig }: SandboxDescription): Promise<{ end(): Promise<readonly string[]> }> {
  const client = createKubeClient(await loadConnection({ kubeconfig, env: {} }));
  const heard: string[] = [];
  const kinds = [resources.events, linkedServiceAccounts, apps, clusterConfigs, resources.serviceAccounts];
  const listening = await Promise.all(kinds.map((resource) => follow(client, resource, heard)));
  return {
    async end() {
      await client.close();
      await Promise.all(listening.map(({ ended }) => ended));
      return heard;
    },
  };
}

async function follow(
  client: KubeClient,
  resource: (typeof resources)['events'],
  heard: string[],
): Promise<{ readonly ended: Promise<void> }> {
  const { items, resourceVersion } = await client.list<KubeObject>(resource);
  heard.push(...items.map((item) => JSON.stringify(item)));
  const ended = (async (): Promise<void> => {
    for await (const event of client.watch<KubeObject>(resource, { resourceVersion }))
      if ('object' in event) heard.push(JSON.stringify(event.object));
  })().catch(() => undefined);
  return { ended };
}

test('the walkthrough ends with exit code 0, and reports that every step passed', () => {
  expect(finished.stdout + finished.stderr).not.toMatch(/^ *× /m);
  expect(finished.code).toBe(0);
  expect(finished.stdout).toMatch(/\nEvery step held, after [^\n]+\.\n/);
});

describe.each(walkthrough)('$step', ({ step, facts }) => {
  test('prints a line for each expected result, in order', () => {
    const [, after] = finished.stdout.split(`\n${step}\n`);
    const [part = ''] = (after ?? '').split(/\n(?:\d\. |Every step held)/);
    expect([...part.matchAll(/^ {2}√ (.*)$/gm)].map(([, fact]) => fact)).toEqual(facts);
  });

  test('appears in the summary at the end', () => {
    const title = step.slice(step.indexOf(' ') + 1);
    const count = facts.length === 1 ? '1 fact' : `${facts.length} facts`;
    expect(finished.stdout).toContain(`  √ ${title} (${count}, `);
  });
});

test('the walkthrough shows the commands that a user would type', () => {
  for (const command of [
    'kon app create myapp --image ',
    'kon account create --account myaccount\n',
    'kon app edit myapp\n',
    'kon account edit myaccount\n',
    'kon account delete myaccount --yes &\n',
  ])
    expect(finished.stdout).toContain(`\n$ ${command}`);
  expect(finished.stdout).toContain('status: Ready=False RoleDrifted: ');
  expect(finished.stdout).toContain('Not authorized to perform sts:AssumeRoleWithWebIdentity');
});

test('the walkthrough leaves no running process, and leaves only logs in its folder', async () => {
  const pids = [description.pid, ...description.parts.map(({ pid }) => pid)].map(String);
  expect(description.parts.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['etcd', 'aws', 'operator']),
  );
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,command=']);
  const left = stdout
    .split('\n')
    .filter((line) => !line.includes('<defunct>'))
    .filter((line) => line.includes(folder) || pids.includes(line.trim().split(/\s+/)[0] ?? ''));
  expect(left).toEqual([]);
  for (const url of [description.awsEndpoint, description.server])
    await expect(fetch(url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  expect(await readdir(folder)).toEqual(['logs']);
});

test('the walkthrough writes no token and no credential to a log, Event, status or its output', async () => {
  const logs = await readdir(join(folder, 'logs'));
  expect(logs).toEqual(
    expect.arrayContaining(['aws.log', 'webhook.log', 'operator.log', 'kube-apiserver.log', 'audit.log']),
  );
  for (const name of logs) {
    const text = await readFile(join(folder, 'logs', name), 'utf8');
    expect({ log: name, secrets: findSecrets(text, secrets) }).toEqual({ log: name, secrets: [] });
  }
  expect(reported.some((object) => object.includes('IdentityProven'))).toBe(true);
  expect(findSecrets(reported.join('\n'), secrets)).toEqual([]);
  expect(findSecrets(finished.stdout + finished.stderr, secrets)).toEqual([]);
  // The run did use tokens and credentials: the operator requested tokens, and STS issued credentials.
  expect(await readFile(join(folder, 'logs/audit.log'), 'utf8')).toContain(
    '/serviceaccounts/myaccount/token',
  );
});
