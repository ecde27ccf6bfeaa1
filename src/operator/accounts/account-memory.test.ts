import { expect, test } from 'vitest';
import { IdentityError, type Step } from '../../identity/index.ts';
import { createAccountMemory } from './account-memory.ts';

const serviceAccount = { uid: 'u', resourceVersion: '1', created: true };
const unlink = (target: string): Step => ({ kind: 'DeleteServiceAccount', target, serviceAccount });

test('what was refused in a namespace is tried again when it is made ours, and nothing else', () => {
  const memory = createAccountMemory(
    () => 0,
    () => 1,
  );
  memory.failed(unlink('legacy'), new IdentityError('KubernetesDenied', 'not labelled'));
  memory.failed(unlink('old-legacy'), new IdentityError('KubernetesDenied', 'not labelled'));
  memory.failed({ kind: 'DeleteRole', role: 'legacy' }, new IdentityError('AccessDenied', 'no'));
  memory.targetOpened('legacy');
  expect([...memory.failures.keys()]).toEqual(['DeleteServiceAccount old-legacy', 'DeleteRole legacy']);
});
