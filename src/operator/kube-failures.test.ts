import { expect, test } from 'vitest';
import { identityErrors } from '../identity/index.ts';
import { KubeApiError } from '../kube/index.ts';
import { classifyKubeError } from './kube-failures.ts';

const forbidden = (message: string): KubeApiError =>
  new KubeApiError({ code: 403, reason: 'Forbidden', message }, { request: 'POST /' });

test('a denial by an admission policy of Konstellation has an error code of its own, and the error advises removing the namespace from the targets', () => {
  const fence = forbidden(
    `serviceaccounts "web" is forbidden: ValidatingAdmissionPolicy 'operator-confinement.k11n.dev' with binding 'operator-confinement.k11n.dev' denied request: the operator may only write into targets`,
  );
  const classified = classifyKubeError(fence, 'could not create the ServiceAccount kube-system/web');
  expect(classified.code).toBe('KubernetesFenced');
  expect(classified.retry).toBe('terminal');
  expect(identityErrors.KubernetesFenced.next).toMatch(/^Remove the namespace from the targets/);

  for (const message of [
    `serviceaccounts "web" is forbidden: User "konstellation" cannot create resource "serviceaccounts"`,
    `serviceaccounts "web" is forbidden: ValidatingAdmissionPolicy 'labels.example.com' denied request: no owner`,
  ])
    expect(classifyKubeError(forbidden(message), 'could not create').code).toBe('KubernetesDenied');
});
