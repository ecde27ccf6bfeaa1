import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shellCommands, shellEnvironment } from './shell-environment.ts';
import type { SandboxDescription } from './supervisor/description.ts';

const sandbox: SandboxDescription = {
  state: 'running',
  name: 'sandbox',
  pid: 1,
  startedAt: '2026-11-24T08:00:00Z',
  folder: '/state',
  region: 'us-west-2',
  accountId: '123456789012',
  issuer: 'https://oidc.eks.us-west-2.amazonaws.com/id/0',
  server: 'https://127.0.0.1:20001',
  kubeconfig: '/state/kubeconfig',
  kubectl: '/cache/kubectl',
  awsEndpoint: 'http://127.0.0.1:20002',
  nodeCredentials: { accessKeyId: 'AKIANODE', secretAccessKey: 'secret' },
  credentials: { accessKeyId: 'AKIA', secretAccessKey: 'secret' },
  parts: [],
};

test('all variables that kubectl, the AWS CLI and kon need are set', () => {
  expect(shellEnvironment(sandbox, { PATH: '/usr/bin' })).toEqual({
    KUBECONFIG: '/state/kubeconfig',
    PATH: '/state/bin:/usr/bin',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:20002',
    AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:20002',
    AWS_REGION: 'us-west-2',
    AWS_DEFAULT_REGION: 'us-west-2',
    AWS_ACCESS_KEY_ID: 'AKIA',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_CONFIG_FILE: '/state/aws-config',
    AWS_SHARED_CREDENTIALS_FILE: '/state/aws-credentials',
    AWS_EC2_METADATA_DISABLED: 'true',
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
  });
});

test('a shell keeps its PATH, and gets the kubectl of the sandbox only if PATH has no kubectl', () => {
  const path = (value: string, folder: string): string => {
    const commands = shellCommands({ ...sandbox, folder }, { PATH: '/tmp/_npx/bin' });
    const script = `PATH=${value}; ${commands}printf %s "$PATH"`;
    return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8', env: {} });
  };
  expect(path('/nowhere', '/state')).toBe('/nowhere:/state/bin');
  expect(path('/nowhere', "/it's here")).toBe("/nowhere:/it's here/bin");
  const own = mkdtempSync(join(tmpdir(), 'kubectl-'));
  writeFileSync(join(own, 'kubectl'), '#!/bin/sh\n', { mode: 0o755 });
  expect(path(own, '/state')).toBe(own);
  rmSync(own, { recursive: true });
});

test.each([
  ['AWS_PROFILE', 'work', 'default'],
  ['AWS_DEFAULT_PROFILE', 'work', 'default'],
  ['AWS_SESSION_TOKEN', 'token', ''],
  ['AWS_CA_BUNDLE', '/etc/ca.pem', ''],
  ['AWS_ROLE_ARN', 'arn:aws:iam::1:role/x', ''],
  ['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'true', 'false'],
  ['AWS_ENDPOINT_URL_S3', 'https://minio.example', 'http://127.0.0.1:20002'],
  ['NO_PROXY', 'example.com,localhost', 'example.com,localhost,127.0.0.1'],
])("the user's variable %s=%s is replaced by %j", (name, value, expected) => {
  expect(shellEnvironment(sandbox, { [name]: value })[name]).toBe(expected);
});

test('harmless variables of the user are not changed', () => {
  const names = Object.keys(
    shellEnvironment(sandbox, { HOME: '/home/me', AWS_PAGER: 'less', AWS_PROFILE: '' }),
  );
  expect(names).not.toContain('HOME');
  expect(names).not.toContain('AWS_PAGER');
  expect(names).not.toContain('AWS_PROFILE');
});
