import { describe, expect, it } from 'vitest';
import { resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { withoutWrites } from './local-client.ts';

type Deployment = KubeObject & { readonly spec: Readonly<Record<string, unknown>> };

const stored: Deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop', labels: { a: '1', b: '2' } },
  spec: { replicas: 1, template: { image: 'nginx:1' } },
};
const requests: string[] = [];
const record = (verb: string, answer?: unknown) => async (): Promise<never> => {
  requests.push(verb);
  return answer as never;
};
const server = {
  get: record('get', stored),
  create: record('create'),
  update: record('update'),
  apply: record('apply'),
  patch: record('patch'),
  delete: record('delete'),
  raw: record('raw', { status: 200 }),
} as unknown as KubeClient;
const client = withoutWrites(server);
const { deployments } = resources;
const ref = { namespace: 'production', name: 'shop' };

describe('withoutWrites', () => {
  it('does not send a write, and returns the object that the write contains', async () => {
    const write = { dryRun: true, fieldManager: 'kon' };
    expect(await client.create(deployments, stored, write)).toEqual(stored);
    expect(await client.update(deployments, stored, write)).toEqual(stored);
    expect(await client.apply(deployments, stored, write)).toEqual(stored);
    await client.delete(deployments, ref, write);
    expect(requests).toEqual([]);
  });

  it('answers a patch with a patched copy of the stored object, and sends a read instead of the patch', async () => {
    const patch = { metadata: { labels: { b: null } }, spec: { template: { annotations: { at: 'now' } } } };
    const patched = await client.patch(deployments, ref, patch, { type: 'merge', dryRun: true });
    expect(patched).toEqual({
      ...stored,
      metadata: { name: 'shop', labels: { a: '1' } },
      spec: { replicas: 1, template: { image: 'nginx:1', annotations: { at: 'now' } } },
    });
    expect(requests.splice(0)).toEqual(['get']);
  });

  it('refuses a write that is not a dry run', async () => {
    const refused = 'a local dry run attempted a write';
    await expect(client.create(deployments, stored)).rejects.toThrow(refused);
    await expect(client.delete(deployments, ref)).rejects.toThrow(refused);
    await expect(client.patch(deployments, ref, {}, { type: 'merge' })).rejects.toThrow(refused);
    expect(() => client.raw({ method: 'POST', path: '/' })).toThrow(refused);
    expect(await client.raw({ method: 'GET', path: '/version' })).toEqual({ status: 200 });
    expect(requests.splice(0)).toEqual(['raw']);
  });
});
