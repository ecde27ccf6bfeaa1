import { describe, expect, it } from 'vitest';
import type { AppSpec } from '../../../api/app.ts';
import {
  appManifest,
  changedSpec,
  parseEnv,
  parsePort,
  parseReplicas,
  type AppChange,
} from './from-options.ts';

const none: AppChange = {
  image: undefined,
  tag: undefined,
  account: undefined,
  noAccount: false,
  ports: [],
  env: [],
  targets: [],
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
      { targets: ['staging', 'production'] },
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

  it.each(['host:5000/web', 'web@sha256:abc'])('drops the old tag with the image %s', (image) => {
    const spec = changedSpec(current, { ...none, image });
    expect(spec.image).toBe(image);
    expect(spec).not.toHaveProperty('imageTag');
  });

  it('takes the account away', () => {
    expect(changedSpec(current, { ...none, noAccount: true })).not.toHaveProperty('serviceAccount');
  });

  it('refuses what contradicts itself', () => {
    expect(() => changedSpec(current, { ...none, account: 'x', noAccount: true })).toThrow('--no-account');
    expect(() => changedSpec(current, { ...none, image: 'web:1', tag: '2' })).toThrow('two tags');
  });
});

describe('appManifest', () => {
  it('runs everywhere unless told where', () => {
    const { spec } = appManifest('a', { ...none, image: 'web' }, ['x', 'y']);
    expect(spec).toEqual({
      image: 'web',
      targets: [
        { name: 'x', deployMode: 'latest' },
        { name: 'y', deployMode: 'latest' },
      ],
    });
  });

  it('needs an image and a target', () => {
    expect(() => appManifest('a', none, ['x'])).toThrow('needs an image');
    expect(() => appManifest('a', { ...none, image: 'web' }, [])).toThrow('needs a target');
  });
});

describe('values', () => {
  it('are ports', () => {
    expect(parsePort('8080')).toEqual({ name: 'http', port: 8080 });
    expect(parsePort('grpc:9000')).toEqual({ name: 'grpc', port: 9000 });
    for (const text of ['0', '65536', 'a', 'A:1', ':80', '80:', ''])
      expect(() => parsePort(text)).toThrow('not a port');
  });

  it('are variables', () => {
    expect(parseEnv('A=b=c')).toEqual({ name: 'A', value: 'b=c' });
    expect(parseEnv('A=')).toEqual({ name: 'A', value: '' });
    for (const text of ['A', '=b', '']) expect(() => parseEnv(text)).toThrow('sets no variable');
  });

  it('are numbers of replicas', () => {
    expect(parseReplicas('0')).toBe(0);
    for (const text of ['-1', '1.5', 'x', '']) expect(() => parseReplicas(text)).toThrow('not a number');
  });
});
