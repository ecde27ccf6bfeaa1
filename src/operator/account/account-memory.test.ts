import { expect, test } from 'vitest';
import { IdentityError, type Step } from '../../identity/index.ts';
import { createAccountMemory } from './account-memory.ts';
import type { Monotonic } from '../../k8s/time.ts';

const serviceAccount = { uid: 'u', resourceVersion: '1', created: true };
const unlink = (target: string): Step => ({ kind: 'DeleteServiceAccount', target, serviceAccount });

test('when a namespace becomes a target, only the steps that were denied in that namespace are retried', () => {
  const memory = createAccountMemory(
    () => 0 as Monotonic,
    () => 1,
  );
  memory.failed(unlink('legacy'), new IdentityError('KubernetesDenied', 'not labelled'));
  memory.failed(unlink('old-legacy'), new IdentityError('KubernetesDenied', 'not labelled'));
  const proof: Step = { kind: 'ProveIdentity', target: 'legacy', roleArn: 'r', proofKey: 'k' };
  memory.failed(proof, new IdentityError('KubernetesDenied', 'not labelled'));
  memory.failed(
    { ...proof, target: 'other', proofKey: 'made in legacy' },
    new IdentityError('KubernetesDenied', 'no'),
  );
  memory.failed({ kind: 'DeleteRole', role: 'legacy' }, new IdentityError('AccessDenied', 'no'));
  memory.targetOpened('legacy');
  expect([...memory.failures.keys()]).toEqual([
    'DeleteServiceAccount old-legacy',
    'ProveIdentity other made in legacy',
    'DeleteRole legacy',
  ]);
});

test('if AWS refuses to create a role because the role exists, but reads do not show the role yet, the creation is retried with growing delays', () => {
  let now = 0;
  const memory = createAccountMemory(
    () => now as Monotonic,
    () => 1,
  );
  const create = { kind: 'CreateRole', role: 'kon-a', spec: {} } as Step;
  const look: Step = { kind: 'ReadRole', role: 'kon-a', why: 'a role of this name exists already' };
  const waits = Array.from({ length: 4 }, () => {
    const { retryAt } = memory.failed(create, new IdentityError('RoleAlreadyExists', 'exists'));
    memory.applied(look, false);
    expect(memory.failures.get('CreateRole kon-a')?.retryAt).toBe(retryAt);
    const waitMs = retryAt - now;
    now = retryAt;
    return waitMs;
  });
  expect(waits).toEqual([500, 1_000, 2_000, 4_000]);
  memory.applied(look, true);
  expect(memory.failures.size).toBe(0);
});
