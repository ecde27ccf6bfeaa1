import { expect, it } from 'vitest';
import { renderPlan } from './render.ts';

it('the text of a plan groups the changes by system, counts them, and lists the remaining problems', () => {
  const text = renderPlan(
    {
      account: 'a',
      cluster: 'main',
      accountId: '123456789012',
      drift: [],
      pods: [],
      changes: [
        {
          system: 'kubernetes',
          action: 'delete',
          step: 'DeleteServiceAccount',
          object: 'p/a',
          summary: 'ServiceAccount',
        },
        {
          system: 'iam',
          action: 'update',
          step: 'UpdateTrustPolicy',
          object: 'r',
          summary: 'trust policy',
          before: 'x\nsame',
          after: 'y\nsame',
        },
        {
          system: 'eks',
          action: 'create',
          step: 'CreateAssociation',
          object: 'p/a',
          summary: 'Pod Identity association',
        },
      ],
      problems: [{ about: 'target q', reason: 'NamespaceMissing', message: 'there is no namespace' }],
    },
    false,
  );
  expect(text).toBe(`Account a on the cluster main, AWS account 123456789012

IAM:
  ~ r: trust policy
      - x
      + y
        same

EKS:
  + p/a: Pod Identity association

Kubernetes:
  - p/a: ServiceAccount

In the way:
  × target q: there is no namespace (NamespaceMissing)

1 to create, 1 to change, 1 to remove.
`);
});
