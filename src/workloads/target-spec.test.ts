import { describe, expect, test } from 'vitest';
import type { App, AppSpec, AppTarget } from '../api/index.ts';
import { specFault, targetSpec } from './target-spec.ts';
import { app, target } from './testing/fixtures.ts';

const nobody = new Map<string, App>();

describe('targetSpec', () => {
  const common: Partial<AppSpec> = {
    scale: { min: 2, max: 4 },
    resources: { requests: { cpu: '1' }, limits: { cpu: '2' } },
    probes: { liveness: { tcpSocket: { port: 1 } }, readiness: { tcpSocket: { port: 2 } } },
    configs: [{ name: 'settings', mountPath: '/etc/web', data: { a: 'common', b: 'common' } }],
    env: [
      { name: 'A', value: 'common' },
      { name: 'B', value: 'common' },
    ],
  };

  test('contains the common values of fields that the target does not set', () => {
    const merged = targetSpec(app(common), target('production'), nobody);
    expect(merged).toEqual({
      name: 'production',
      image: 'example.com/web',
      halted: false,
      env: common.env,
      configs: common.configs,
      scale: common.scale,
      resources: common.resources,
      probes: common.probes,
    });
  });

  const overrides: readonly { own: Partial<AppTarget>; expected: object }[] = [
    { own: { scale: { min: 1 } }, expected: { scale: { min: 1 } } },
    { own: { resources: { limits: { cpu: '3' } } }, expected: { resources: { limits: { cpu: '3' } } } },
    {
      own: { probes: { liveness: { tcpSocket: { port: 3 } } } },
      expected: { probes: { liveness: { tcpSocket: { port: 3 } } } },
    },
    { own: { deployMode: 'halt' }, expected: { halted: true } },
    {
      own: {
        configs: [
          { name: 'settings', data: { b: 'own', c: 'own' } },
          { name: 'more', data: { d: 'own' } },
        ],
      },
      expected: {
        configs: [
          { name: 'settings', mountPath: '/etc/web', data: { a: 'common', b: 'own', c: 'own' } },
          { name: 'more', data: { d: 'own' } },
        ],
      },
    },
    {
      own: { configs: [{ name: 'settings', mountPath: '/etc/other' }] },
      expected: {
        configs: [{ name: 'settings', mountPath: '/etc/other', data: { a: 'common', b: 'common' } }],
      },
    },
    {
      own: {
        env: [
          { name: 'B', value: 'own' },
          { name: 'C', value: 'own' },
        ],
      },
      expected: {
        env: [
          { name: 'A', value: 'common' },
          { name: 'B', value: 'own' },
          { name: 'C', value: 'own' },
        ],
      },
    },
  ];
  test.each(overrides)("overrides common values by the target's values $own", ({ own, expected }) => {
    const merged = targetSpec(app(common), target('production', own), nobody);
    const without = targetSpec(app(common), target('production'), nobody);
    expect(merged).toStrictEqual({ ...without, ...expected });
  });
});

describe('specFault', () => {
  const ports: AppSpec['ports'] = [{ name: 'http', port: 80, protocol: 'TCP' }];
  const cases: readonly { name: string; spec: Partial<AppSpec>; own?: Partial<AppTarget>; fault?: RegExp }[] =
    [
      { name: 'accepts a valid spec', spec: { image: 'localhost:5000/web', imageTag: '1' } },
      {
        name: 'rejects an image with two tags',
        spec: { image: 'web:1', imageTag: '2' },
        fault: /^spec.imageTag: /,
      },
      {
        name: 'rejects an image with a tag and a digest',
        spec: { image: 'web@sha256:ab', imageTag: '2' },
        fault: /^spec.imageTag: /,
      },
      {
        name: 'accepts an ingress to an existing port',
        spec: { ports },
        own: { ingress: { hosts: ['a.example'], port: 'http' } },
      },
      {
        name: 'rejects an ingress of an app without ports',
        spec: {},
        own: { ingress: { hosts: ['a.example'] } },
        fault: /^spec.targets\[production\].ingress: /,
      },
      {
        name: 'rejects an ingress to an unknown port',
        spec: { ports },
        own: { ingress: { hosts: ['a.example'], port: 'https' } },
        fault: /^spec.targets\[production\].ingress.port: there is no port https/,
      },
      {
        name: 'rejects a port that is listed twice',
        spec: { ports: [...ports, { name: 'web', port: 80, protocol: 'TCP' }] },
        fault: /^spec.ports\[web\]: port 80\/TCP is listed twice/,
      },
      {
        name: 'accepts the same port number with another protocol',
        spec: { ports: [...ports, { name: 'web', port: 80, protocol: 'UDP' }] },
      },
      {
        name: 'rejects a maximum scale below the minimum',
        spec: { scale: { min: 3, max: 2 } },
        fault: /max 2 is less than min 3/,
      },
      {
        name: 'rejects a variable that overrides the identity',
        spec: { serviceAccount: 'payments' },
        own: { env: [{ name: 'AWS_ROLE_ARN', value: 'x' }] },
        fault: /^spec\.targets\[production\]\.env\[AWS_ROLE_ARN\]: .* the identity of account payments/,
      },
      ...[
        'AWS_WEB_IDENTITY_TOKEN_FILE',
        'AWS_ACCESS_KEY_ID',
        'AWS_SECRET_ACCESS_KEY',
        'AWS_SESSION_TOKEN',
        'AWS_PROFILE',
        'AWS_DEFAULT_PROFILE',
        'AWS_SHARED_CREDENTIALS_FILE',
        'AWS_CONTAINER_CREDENTIALS_FULL_URI',
        'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
        'AWS_CONTAINER_AUTHORIZATION_TOKEN',
        'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
      ].map((name) => ({
        name: `rejects ${name} from a Secret`,
        spec: {
          serviceAccount: 'payments',
          env: [{ name, valueFrom: { secretKeyRef: { name: 'aws', key: 'it' } } }],
        },
        fault: new RegExp(`^spec\\.env\\[${name}\\]: with ${name} set`),
      })),
      ...['AWS_REGION', 'AWS_ROLE_SESSION_NAME', 'AWS_CONFIG_FILE'].map((name) => ({
        name: `accepts ${name}, which does not affect the identity`,
        spec: { serviceAccount: 'payments', env: [{ name, value: 'x' }] },
      })),
      {
        name: 'rejects a config with a variable that overrides the identity',
        spec: { serviceAccount: 'payments', configs: [{ name: 'a', data: { AWS_ROLE_ARN: 'x' } }] },
        fault: /^spec\.configs\[a\]\.data\[AWS_ROLE_ARN\]: /,
      },
      {
        name: "rejects a target's config with a variable that overrides the identity",
        spec: { serviceAccount: 'payments', configs: [{ name: 'a' }] },
        own: { configs: [{ name: 'a', data: { AWS_PROFILE: 'x' } }] },
        fault: /^spec\.targets\[production\]\.configs\[a\]\.data\[AWS_PROFILE\]: /,
      },
      {
        name: 'accepts a config file with the name of such a variable',
        spec: {
          serviceAccount: 'payments',
          configs: [{ name: 'a', mountPath: '/a', data: { AWS_ROLE_ARN: 'x' } }],
        },
      },
      {
        name: 'rejects a config key that is a path',
        spec: { configs: [{ name: 'a', mountPath: '/a', data: { 'a/b': 'x' } }] },
        fault: /^config a of target production: the key "a\/b" is invalid: use only letters/,
      },
      {
        name: 'rejects a config variable that begins with a digit',
        spec: {},
        own: { configs: [{ name: 'a', data: { '1st': 'x' } }] },
        fault: /^config a of target production: the key 1st begins with a digit/,
      },
      {
        name: 'accepts a config file that begins with a digit',
        spec: { configs: [{ name: 'a', mountPath: '/a', data: { '1st': 'x' } }] },
      },
      {
        name: 'rejects two configs with the same mountPath',
        spec: { configs: [{ name: 'a', mountPath: '/a' }] },
        own: { configs: [{ name: 'b', mountPath: '/a' }] },
        fault: /^config b of target production: config a has the same mountPath \/a/,
      },
      {
        name: 'rejects a dependency that is listed twice',
        spec: { dependencies: [{ name: 'reviews' }, { name: 'reviews', target: 'staging' }] },
        fault: /^spec.dependencies: reviews is listed twice/,
      },
      {
        name: "accepts a target's config key with such a name if the common config is mounted as files",
        spec: { serviceAccount: 'payments', configs: [{ name: 'a', mountPath: '/a' }] },
        own: { configs: [{ name: 'a', data: { AWS_PROFILE: 'x' } }] },
      },
      {
        name: 'accepts a variable that overrides the identity if the app names no account',
        spec: { env: [{ name: 'AWS_ROLE_ARN', value: 'x' }] },
      },
    ];
  test.each(cases)('$name', ({ spec, own, fault }) => {
    const found = specFault(app(spec), target('production', own));
    if (fault) expect(found).toMatch(fault);
    else expect(found).toBeUndefined();
  });
});
