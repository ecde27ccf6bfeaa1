/**
 * Stock SDKs in a pod, with their default credential chains: no request leaves the machine. All traffic except loopback
 * goes through a proxy that the pod's environment names. The proxy refuses and records every request.
 */
import { readdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { IdentityMode } from '../../src/api/index.ts';
import { roleNameOf } from '../support/emulator.ts';
import { createPerson, roleOf, type Person } from '../support/person.ts';
import { startSandbox, type TestSandbox } from '../support/sandbox.ts';
import { ensureGoProgram, ensurePython, pythonPrograms } from '../support/sdks/programs.ts';

const outside = 'https://sts.us-west-2.amazonaws.com';
const aws = join(pythonPrograms, 'aws');
const whoami = resolve(import.meta.dirname, '../support/sdks/whoami.py');
const modes = ['IRSA', 'PodIdentity'] as const satisfies readonly IdentityMode[];

let sandbox: TestSandbox;
let person: Person;
let proxy: Server;
let goProgram: string;
/** Requests that the proxy received. */
const asked: string[] = [];
beforeAll(async () => {
  [sandbox, goProgram] = await Promise.all([startSandbox(), ensureGoProgram(), ensurePython()]);
  person = createPerson(sandbox.client);
  proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(403).end();
  });
  proxy.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const env = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((name) => ({
    name,
    value: url,
  }));

  const { awsEndpoint: endpoint, region, credentials } = sandbox.description;
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: 'orders' }));
  s3.destroy();
  for (const mode of modes) {
    const name = mode.toLowerCase();
    await person.createAccount(name, { identityMode: mode });
    await person.createApp(name, { serviceAccount: name, env });
  }
});
afterAll(async () => {
  proxy?.close();
  await sandbox?.stop();
});
beforeEach(() => {
  asked.length = 0;
});

/** Runs COMMAND with `kon sandbox exec deploy/APP -n production -- COMMAND`. */
function asPod(app: string, command: readonly string[]): ReturnType<TestSandbox['kon']> {
  return sandbox.kon(['sandbox', 'exec', `deploy/${app}`, '-n', 'production', '--', ...command], {
    env: { KON_SANDBOX_DIR: sandbox.description.folder },
  });
}

describe.each(modes)('in a pod with %s', (mode) => {
  const app = mode.toLowerCase();
  let role: string;
  beforeAll(async () => {
    const { status } = await person.untilReady(app);
    role = roleNameOf(status?.roleArn ?? '');
    await person.untilPods(app, 'production', `an identity by ${mode}`, (pod) =>
      mode === 'IRSA'
        ? roleOf(pod) === status?.roleArn
        : pod.spec.containers.every(({ env = [] }) =>
            env.some(({ name }) => name === 'AWS_CONTAINER_CREDENTIALS_FULL_URI'),
          ),
    );
  });

  const sdks: readonly (readonly [string, () => readonly string[], () => readonly string[]])[] = [
    [
      'boto3',
      () => [join(pythonPrograms, 'python'), whoami],
      () => [join(pythonPrograms, 'python'), whoami, outside],
    ],
    [
      'the AWS CLI',
      () => ['sh', '-c', `"${aws}" sts get-caller-identity && "${aws}" s3 ls`],
      () => [aws, '--endpoint-url', outside, 'sts', 'get-caller-identity'],
    ],
    ['aws-sdk-go-v2', () => [goProgram], () => [goProgram, outside]],
  ];

  test.each(sdks)(
    '%s gets the credentials of the role and calls AWS without leaving the machine',
    async (_name, command) => {
      const { code, stdout, stderr } = await asPod(app, command());
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain(`:assumed-role/${role}/`);
      expect(stdout).toContain('orders');
      expect(asked).toEqual([]);
    },
  );

  test.each(sdks)(
    '%s is stopped by the proxy when it calls another endpoint',
    async (_name, _command, away) => {
      expect((await asPod(app, away())).code).not.toBe(0);
      expect(asked).toContain('sts.us-west-2.amazonaws.com:443');
    },
  );
});

test("no SDK writes into the user's .aws folder", async () => {
  const command = ['sh', '-c', `"${aws}" sts get-caller-identity >/dev/null && ls -a "$HOME/.aws/cli/cache"`];
  const { stdout } = await asPod('irsa', command);
  // The AWS CLI caches credentials in the home directory of the pod.
  expect(stdout).toMatch(/^[0-9a-f]{40}\.json$/m);
  expect(await readdir(sandbox.executable.folder)).not.toContain('.aws');
});
