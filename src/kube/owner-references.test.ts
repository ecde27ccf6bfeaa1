import { expect, test } from 'vitest';
import type { KubeObject } from './object.ts';
import { controllerOf, controllerReference, isControlledBy } from './owner-references.ts';

const owner = (metadata: Partial<KubeObject['metadata']>): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'a', uid: 'u1', ...metadata },
});

test('a controller reference names the owner by uid', () => {
  const reference = controllerReference(owner({ namespace: 'n' }), { metadata: { namespace: 'n' } });
  expect(reference).toEqual({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: 'a',
    uid: 'u1',
    controller: true,
    blockOwnerDeletion: true,
  });
  const dependent: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'p',
      namespace: 'n',
      ownerReferences: [{ ...reference, uid: 'other', controller: false }, reference],
    },
  };
  expect(controllerOf(dependent)).toBe(reference);
  expect(isControlledBy(dependent, owner({}))).toBe(true);
  expect(isControlledBy(dependent, owner({ uid: 'other' }))).toBe(false);
});

test('a cluster-scoped owner may own anything', () => {
  expect(controllerReference(owner({}), { metadata: { namespace: 'n' } }).uid).toBe('u1');
  expect(controllerReference(owner({}), { metadata: {} }).uid).toBe('u1');
});

test('an owner that the garbage collector would not find is refused', () => {
  const namespaced = owner({ namespace: 'n' });
  expect(() => controllerReference(namespaced, { metadata: { namespace: 'other' } })).toThrow(TypeError);
  expect(() => controllerReference(namespaced, { metadata: {} })).toThrow(TypeError);
  const { uid: _uid, ...unread } = owner({}).metadata;
  expect(() => controllerReference({ ...namespaced, metadata: unread }, { metadata: {} })).toThrow(TypeError);
});
