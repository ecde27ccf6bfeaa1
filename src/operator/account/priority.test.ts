import { describe, expect, it } from 'vitest';
import { defaultStatus, type LinkedServiceAccount } from '../../api/index.ts';
import { callPriorityOf } from './priority.ts';

const account = (status?: LinkedServiceAccount['status']): LinkedServiceAccount => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name: 'payments', generation: 2 },
  spec: { aws: { policyArns: [] }, deletionPolicy: 'Delete' },
  ...(status ? { status } : {}),
});
const ready = (status: 'True' | 'False'): NonNullable<LinkedServiceAccount['status']>['conditions'] => [
  { type: 'Ready', status, reason: 'Ready', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
];

describe('the priority of AWS calls for an account', () => {
  it.each([
    ['new for an account without a status', account(), 'new'],
    ['new for an account with the default status of the API server', account(defaultStatus), 'new'],
    [
      'interactive after an edit',
      account({ observedGeneration: 1, conditions: ready('True') }),
      'interactive',
    ],
    ['new until the account is ready', account({ observedGeneration: 2, conditions: ready('False') }), 'new'],
    [
      'background once the account is ready',
      account({ observedGeneration: 2, conditions: ready('True') }),
      'background',
    ],
  ])('is %s', (_title, given, expected) => {
    expect(callPriorityOf(given)).toBe(expected);
  });
});
