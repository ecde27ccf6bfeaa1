import { describe, expect, it } from 'vitest';
import type { App } from '../../../api/app.ts';
import type { LinkedServiceAccount } from '../../../api/linked-service-account.ts';
import type { Condition } from '../../../k8s/conditions.ts';
import { appKind } from '../../cluster/kinds.ts';
import { blockerOf } from './deletion.ts';
import { describeProgress, problemsOf, problemText } from './progress.ts';
import { requiresUserAction, nextStepsFor } from './reasons.ts';

const condition = (
  type: string,
  status: Condition['status'],
  reason: string,
  observedGeneration = 2,
): Condition => ({
  type,
  status,
  reason,
  message: `${reason}, in words`,
  observedGeneration,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

const account = (
  status?: LinkedServiceAccount['status'],
  metadata: Partial<LinkedServiceAccount['metadata']> = {},
): LinkedServiceAccount => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name: 'a', generation: 2, ...metadata },
  spec: { aws: { policyArns: [] }, deletionPolicy: 'Delete' },
  ...(status ? { status } : {}),
});

describe('describeProgress', () => {
  it.each<[string, LinkedServiceAccount, string]>([
    ['without status', account(), 'unobserved'],
    ['without conditions', account({ observedGeneration: 2 }), 'unobserved'],
    [
      'of an older generation',
      account({ conditions: [condition('Ready', 'True', 'Ready', 1)] }),
      'unobserved',
    ],
    ['Ready', account({ conditions: [condition('Ready', 'True', 'Ready')] }), 'ready'],
    ['of a newer generation', account({ conditions: [condition('Ready', 'True', 'Ready', 3)] }), 'ready'],
    ['on its way', account({ conditions: [condition('Ready', 'False', 'Proving')] }), 'waiting'],
    ['undecided', account({ conditions: [condition('Ready', 'Unknown', 'Proving')] }), 'waiting'],
    [
      'that waits for its first pod',
      account({ conditions: [condition('Ready', 'Unknown', 'AwaitingFirstPod')] }),
      'ready',
    ],
    ['wrong', account({ conditions: [condition('Ready', 'False', 'PolicyNotFound')] }), 'stuck'],
    ['not ours', account({ conditions: [condition('Ready', 'False', 'RoleNotOwned')] }), 'stuck'],
    ['that was not admitted', account({ conditions: [condition('Ready', 'False', 'NotAdmitted')] }), 'stuck'],
    ['throttled', account({ conditions: [condition('Ready', 'False', 'Throttled')] }), 'waiting'],
  ])('derives the state of an account %s', (_what, object, state) => {
    expect(describeProgress(object, 2).state).toBe(state);
  });

  it('shows all conditions except Ready', () => {
    const object = account({
      conditions: [condition('Ready', 'False', 'Proving'), condition('RoleSynced', 'True', 'InStep')],
    });
    expect(describeProgress(object, 2).lines).toEqual([
      { label: 'RoleSynced', status: 'True', reason: 'InStep', message: 'InStep, in words' },
    ]);
  });

  it('uses the observedGeneration of the status if a condition has none', () => {
    const { observedGeneration: _none, ...ready } = condition('Ready', 'True', 'Ready');
    expect(describeProgress(account({ observedGeneration: 2, conditions: [ready] }), 2).state).toBe('ready');
    expect(describeProgress(account({ observedGeneration: 1, conditions: [ready] }), 2).state).toBe(
      'unobserved',
    );
  });
});

describe('problemsOf', () => {
  it('lists each policy and target of an account separately', () => {
    const object = account({
      conditions: [condition('Ready', 'False', 'PolicyNotFound')],
      policies: [
        { arn: 'arn:ok', attached: true },
        { arn: 'arn:bad', attached: false, reason: 'PolicyNotFound', message: 'no such policy' },
      ],
      targets: [
        { name: 'production', linked: true, proven: true },
        { name: 'staging', linked: true, proven: false },
      ],
    });
    expect(problemsOf(object).map(problemText)).toEqual([
      'policy arn:bad: no such policy (PolicyNotFound)',
      'target staging: is not proven yet (Proving)',
    ]);
  });

  it('lists no problem for an account that waits for its first pod', () => {
    const ready = condition('Ready', 'Unknown', 'AwaitingFirstPod');
    const row = {
      name: 'production',
      linked: true,
      confirmed: true,
      proven: false,
      reason: 'AwaitingFirstPod',
      message: 'the first pod proves it',
    };
    expect(problemsOf(account({ conditions: [ready], targets: [row] }))).toEqual([]);
    expect(problemsOf(account({ conditions: [ready] }))).toEqual([]);
  });

  it('lists the problem of the condition Ready if the status has no entry for a policy or target', () => {
    const object = account({ conditions: [condition('Ready', 'False', 'ClusterConfigMissing')] });
    expect(problemsOf(object).map(problemText)).toEqual([
      'ClusterConfigMissing, in words (ClusterConfigMissing)',
    ]);
  });

  it('lists the targets of an app that are neither ready nor halted, and the problems that would prevent a resume of halted targets', () => {
    const app: App = {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'App',
      metadata: { name: 'a' },
      spec: { image: 'x', targets: [] },
      status: {
        targets: [
          { name: 'production', state: 'Ready' },
          { name: 'test', state: 'Halted' },
          { name: 'night', state: 'Halted', reason: 'InvalidSpec', message: 'halted: no such port' },
          {
            name: 'staging',
            state: 'WaitingForIdentity',
            reason: 'AccountNotFound',
            message: 'there is no account x',
          },
          { name: 'canary', state: 'Progressing', replicas: 2, readyReplicas: 1 },
        ],
      },
    };
    expect(problemsOf(app).map(problemText)).toEqual([
      'target night: halted: no such port (InvalidSpec)',
      'target staging: there is no account x (AccountNotFound)',
      'target canary: 1 of 2 replicas are ready (Progressing)',
    ]);
  });
});

describe('blockerOf', () => {
  it('returns undefined while the object is not being deleted', () => {
    expect(blockerOf(account())).toBeUndefined();
  });

  it('returns the condition Ready if its status is False, and otherwise the finalizers', () => {
    const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['k11n.dev/iam-role'] };
    expect(blockerOf(account(undefined, deleting))).toMatchObject({
      message: 'held up by k11n.dev/iam-role',
    });
    const used = account({ conditions: [condition('Ready', 'False', 'InUse')] }, deleting);
    expect(blockerOf(used)).toEqual({ reason: 'InUse', message: 'InUse, in words' });
    const stillReady = account({ conditions: [condition('Ready', 'True', 'Ready')] }, deleting);
    expect(blockerOf(stillReady)).toMatchObject({ reason: 'Deleting' });
  });
});

describe('the registry of reasons', () => {
  it('distinguishes reasons that require user action from reasons that resolve automatically', () => {
    expect(['AccessDenied', 'PolicyNotFound', 'TargetUnknown'].map(requiresUserAction)).toEqual([
      true,
      true,
      true,
    ]);
    expect(['Proving', 'Throttled', 'AccountNotFound', 'ImagePullBackOff'].map(requiresUserAction)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('puts the advice to show the object last, after more specific next steps', () => {
    expect(nextStepsFor('FailedCreate', { kind: appKind, name: 'a' })).toEqual([
      'Show the app: kon app status a',
    ]);
    expect(nextStepsFor('AccountNotFound', { kind: appKind, name: 'a', account: 'x' })[0]).toContain(
      'kon account create x',
    );
    expect(nextStepsFor('TargetUnknown', { kind: appKind, name: 'a' })).toEqual([
      'List targets: kon target list; then: kon app edit a',
      'Show the app: kon app status a',
    ]);
  });
});
