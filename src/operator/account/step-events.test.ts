import { describe, expect, it } from 'vitest';
import type { Step } from '../../identity/index.ts';
import { eventOf, identityProven, inFewEvents, type StepEvent } from './step-events.ts';

const role = 'kon-shop-payments-1';
const roleArn = `arn:aws:iam::123456789012:role/konstellation/${role}`;
const tellAll = (steps: readonly Step[]): readonly StepEvent[] =>
  steps.flatMap((step) => eventOf(step, 'payments') ?? []);

const create = {
  kind: 'CreateRole',
  role,
  spec: { name: role, path: '/', trustPolicy: '{}', description: '', maxSessionDuration: 3600, tags: {} },
} as const;
const attach = (policyArn: string): Step => ({ kind: 'AttachPolicy', role, policyArn });

describe('what was done in one go', () => {
  it('is one Event when a role was made, and says all of it', () => {
    const done = tellAll([
      create,
      attach('arn:a'),
      attach('arn:b'),
      { kind: 'CreateServiceAccount', target: 'production', roleArn },
    ]);
    expect(inFewEvents([...done, identityProven('production', 'payments')])).toEqual([
      {
        reason: 'RoleCreated',
        note: `made the role ${role}; attached arn:a; attached arn:b; linked production/payments; proved production/payments`,
      },
    ]);
  });

  it('is one Event for each reason otherwise', () => {
    const detach: Step = { kind: 'DetachPolicy', role, policyArn: 'arn:c', why: 'it is not listed' };
    expect(inFewEvents(tellAll([attach('arn:a'), attach('arn:b'), detach]))).toEqual([
      { reason: 'PolicyAttached', note: `attached arn:a to ${role}; attached arn:b to ${role}` },
      { reason: 'PolicyDetached', note: `detached arn:c from ${role}: it is not listed` },
    ]);
  });

  it('is nothing when nothing was done', () => {
    expect(inFewEvents([])).toEqual([]);
  });
});
