import { expect, test } from 'vitest';
import { isReservedNamespace } from './reserved-names.ts';

test('namespaces of Kubernetes, the default one and that of the operator are no targets', () => {
  for (const name of ['kube-system', 'kube-public', 'kube-node-lease', 'kube-anything', 'default'])
    expect(isReservedNamespace(name), name).toBe(true);
  for (const name of ['production', 'kube', 'default-2', 'konstellation-system'])
    expect(isReservedNamespace(name), name).toBe(false);
  expect(isReservedNamespace('konstellation-system', 'konstellation-system')).toBe(true);
});
