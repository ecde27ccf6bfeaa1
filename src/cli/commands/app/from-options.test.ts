import { describe, expect, it } from 'vitest';
import type { AppSpec } from '../../../api/app.ts';
import { appManifest, changedSpec, describesChange, type AppChange } from './from-options.ts';
import { parseConfig, parseDependency, parseEnv, parsePort } from './options.ts';

const none: AppChange = {
  image: undefined,
  tag: undefined,
  account: undefined,
  noAccount: false,
  port: [],
  env: [],
  config: [],
  dependsOn: [],
  removeEnv: [],
  removeConfig: [],
  removeDependency: [],
  target: [],
  replicas: undefined,
};
const current: AppSpec = {
  image: 'web',
  imageTag: '1',
  serviceAccount: 'old',
  env: [
    { name: 'A', value: '1' },
    { name: 'B', value: '2' },
  ],
  scale: { min: 1, max: 5 },
  targets: [{ name: 'production', deployMode: 'halt' }],
};

describe('changedSpec of an app', () => {
  it.each<[string, Partial<AppChange>, Partial<AppSpec>]>([
    ['nothing', {}, current],
    ['the tag', { tag: '2' }, { image: 'web', imageTag: '2' }],
    ['image and tag in one', { image: 'host:5000/web:2' }, { image: 'host:5000/web', imageTag: '2' }],
    ['image and tag in two', { image: 'host:5000/web', tag: '2' }, { image: 'host:5000/web', imageTag: '2' }],
    ['the account', { account: 'new' }, { serviceAccount: 'new' }],
    ['replicas, and keeps the most', { replicas: 3 }, { scale: { min: 3, max: 5 } }],
    [
      'variables by name',
      { env: [{ name: 'B', value: '3' }] },
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '3' },
        ],
      },
    ],
    [
      'targets, and keeps what each has of its own',
      { target: ['staging', 'production'] },
      {
        targets: [
          { name: 'staging', deployMode: 'latest' },
          { name: 'production', deployMode: 'halt' },
        ],
      },
    ],
  ])('changes %s', (_what, options, expected) => {
    expect(changedSpec(current, { ...none, ...options })).toMatchObject(expected);
  });

  it.each(['host:5000/web', 'web@sha256:abc'])('removes the old tag if the new image is %s', (image) => {
    const spec = changedSpec(current, { ...none, image });
    expect(spec.image).toBe(image);
    expect(spec).not.toHaveProperty('imageTag');
  });

  it('removes variables, and also the field when no variable remains', () => {
    expect(changedSpec(current, { ...none, removeEnv: ['A'] }).env).toEqual([{ name: 'B', value: '2' }]);
    expect(changedSpec(current, { ...none, removeEnv: ['A', 'B'] })).not.toHaveProperty('env');
    expect(() => changedSpec(current, { ...none, removeEnv: ['C'] })).toThrow('the app has no variable "C"');
  });

  it('removes the name of the account from the spec', () => {
    expect(changedSpec(current, { ...none, noAccount: true })).not.toHaveProperty('serviceAccount');
  });

  it('refuses contradictory options', () => {
    expect(() => changedSpec(current, { ...none, account: 'x', noAccount: true })).toThrow('--no-account');
    expect(() => changedSpec(current, { ...none, image: 'web:1', tag: '2' })).toThrow('two tags');
  });
});

describe('the configs and dependencies of an app', () => {
  const files = { files: () => ({ 'a.conf': 'x' }), variables: () => ({ A: '1' }) };
  const withContent: AppSpec = {
    ...current,
    configs: [
      { name: 'settings', mountPath: '/etc/web', data: { old: 'y' } },
      { name: 'limits', data: { MOST: '1' } },
    ],
    dependencies: [{ name: 'reviews', port: 'http' }, { name: 'orders' }],
  };

  it('are added to the spec: a config becomes files if a mount folder is given, and variables otherwise', () => {
    const { configs, dependencies } = changedSpec(current, {
      ...none,
      config: [
        { name: 'settings', mountPath: '/etc/web', ...files },
        { name: 'limits', mountPath: undefined, ...files },
      ],
      dependsOn: [{ name: 'reviews' }],
    });
    expect(configs).toEqual([
      { name: 'settings', mountPath: '/etc/web', data: { 'a.conf': 'x' } },
      { name: 'limits', data: { A: '1' } },
    ]);
    expect(dependencies).toEqual([{ name: 'reviews' }]);
  });

  it('replace entries of the same name, and keep the mount path of the replaced config', () => {
    const { configs, dependencies } = changedSpec(withContent, {
      ...none,
      config: [{ name: 'settings', mountPath: undefined, ...files }],
      dependsOn: [{ name: 'reviews', target: 'staging' }],
    });
    expect(configs).toEqual([
      { name: 'settings', mountPath: '/etc/web', data: { 'a.conf': 'x' } },
      withContent.configs?.[1],
    ]);
    expect(dependencies).toEqual([{ name: 'reviews', target: 'staging' }, { name: 'orders' }]);
  });

  it('are removed by name, and a list without remaining entries is removed from the spec', () => {
    const changed = changedSpec(withContent, {
      ...none,
      removeConfig: ['settings', 'limits'],
      removeDependency: ['orders'],
    });
    expect(changed).not.toHaveProperty('configs');
    expect(changed.dependencies).toEqual([{ name: 'reviews', port: 'http' }]);
    expect(() => changedSpec(withContent, { ...none, removeConfig: ['setings'] })).toThrow(
      'the app has no config "setings"',
    );
    expect(() => changedSpec(current, { ...none, removeDependency: ['orders'] })).toThrow(
      'the app has no dependency "orders"',
    );
  });

  it('stay unchanged if no option refers to them', () => {
    expect(changedSpec(withContent, { ...none, tag: '2' })).toEqual({ ...withContent, imageTag: '2' });
  });

  it.each<[Partial<AppChange>, boolean]>([
    [{}, false],
    [{ removeEnv: ['a'] }, true],
    [{ removeConfig: ['a'] }, true],
    [{ removeDependency: ['a'] }, true],
    [{ dependsOn: [{ name: 'a' }] }, true],
    [{ config: [{ name: 'a', mountPath: undefined, ...files }] }, true],
    [{ noAccount: true }, true],
  ])('the options %o count as a change: %s', (change, expected) => {
    expect(describesChange({ ...none, ...change })).toBe(expected);
  });
});

describe('appManifest', () => {
  it('selects every target if no target is given', () => {
    const { spec } = appManifest('a', { ...none, image: 'web' }, ['x', 'y']);
    expect(spec).toEqual({
      image: 'web',
      targets: [
        { name: 'x', deployMode: 'latest' },
        { name: 'y', deployMode: 'latest' },
      ],
    });
  });

  it('requires an image and a target', () => {
    expect(() => appManifest('a', none, ['x'])).toThrow('needs an image');
    expect(() => appManifest('a', { ...none, image: 'web' }, [])).toThrow('needs a target');
  });
});

describe('the parsers of option values', () => {
  it('accept ports with and without a name', () => {
    expect(parsePort('8080')).toEqual({ name: 'http', port: 8080 });
    expect(parsePort('grpc:9000')).toEqual({ name: 'grpc', port: 9000 });
    for (const text of ['0', '65536', 'a', 'A:1', ':80', '80:', ''])
      expect(() => parsePort(text)).toThrow('not a port');
  });

  it('accept environment variables', () => {
    expect(parseEnv('A=b=c')).toEqual({ name: 'A', value: 'b=c' });
    expect(parseEnv('A=')).toEqual({ name: 'A', value: '' });
    for (const text of ['A', '=b', '']) expect(() => parseEnv(text)).toThrow('is not NAME=VALUE');
  });

  it('accept configs with and without a mount path', () => {
    expect(parseConfig('settings=./a=b.conf')).toEqual({
      name: 'settings',
      path: './a=b.conf',
      mountPath: undefined,
    });
    expect(parseConfig('settings=conf.d:/etc/web')).toEqual({
      name: 'settings',
      path: 'conf.d',
      mountPath: '/etc/web',
    });
    for (const text of ['settings', '=a', 'settings=', 'Settings=a', ''])
      expect(() => parseConfig(text)).toThrow('is not a config');
  });

  it('accept dependencies on other apps', () => {
    expect(parseDependency('reviews')).toEqual({ name: 'reviews' });
    expect(parseDependency('staging/reviews:http')).toEqual({
      name: 'reviews',
      target: 'staging',
      port: 'http',
    });
    for (const text of ['', 'a/b/c', ':http', 'Reviews', 'a:'])
      expect(() => parseDependency(text)).toThrow('is not a dependency');
  });
});
