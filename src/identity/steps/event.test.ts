import { describe, expect, it } from 'vitest';
import { identityProven, joinEvents, type StepEvent } from './event.ts';
import { eventOf } from './index.ts';
import type { Step } from './step.ts';

const role = 'kon-shop-payments-1';
const roleArn = `arn:aws:iam::123456789012:role/konstellation/${role}`;
const eventsOf = (steps: readonly Step[]): readonly StepEvent[] =>
  steps.flatMap((step) => eventOf(step, 'payments') ?? []);

const create = {
  kind: 'CreateRole',
  role,
  spec: { name: role, path: '/', trustPolicy: '{}', description: '', maxSessionDuration: 3600, tags: {} },
} as const;
const attach = (policyArn: string): Step => ({ kind: 'AttachPolicy', role, policyArn });

describe('the Events of one pass', () => {
  it('are joined into one if a role was created', () => {
    const done = eventsOf([
      create,
      attach('arn:a'),
      attach('arn:b'),
      { kind: 'CreateServiceAccount', target: 'production', roleArn },
    ]);
    expect(joinEvents([...done, identityProven('production', 'payments')])).toEqual([
      {
        reason: 'RoleCreated',
        note: `created the role ${role}; attached arn:a; attached arn:b; linked production/payments; proved production/payments`,
      },
    ]);
  });

  it('are joined by reason if no role was created', () => {
    const detach: Step = { kind: 'DetachPolicy', role, policyArn: 'arn:c', why: 'it is not listed' };
    expect(joinEvents(eventsOf([attach('arn:a'), attach('arn:b'), detach]))).toEqual([
      { reason: 'PolicyAttached', note: `attached arn:a to ${role}; attached arn:b to ${role}` },
      { reason: 'PolicyDetached', note: `detached arn:c from ${role}: it is not listed` },
    ]);
  });

  it('are an empty list if no step was applied', () => {
    expect(joinEvents([])).toEqual([]);
  });
});
