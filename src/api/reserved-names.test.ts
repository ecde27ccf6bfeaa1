import { expect, test } from 'vitest';
import { isReservedNamespace } from './reserved-names.ts';

test('the namespaces of Kubernetes, `default` and the namespace of the operator are reserved', () => {
  for (const name of ['kube-system', 'kube-public', 'kube-node-lease', 'kube-anything', 'default'])
    expect(isReservedNamespace(name), name).toBe(true);
  for (const name of ['production', 'kube', 'default-2', 'konstellation-system'])
    expect(isReservedNamespace(name), name).toBe(false);
  expect(isReservedNamespace('konstellation-system', 'konstellation-system')).toBe(true);
});
