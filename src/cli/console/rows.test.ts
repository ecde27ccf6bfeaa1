import { describe, expect, it } from 'vitest';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import type { Quarantine } from '../../api/quarantine.ts';
import type { AppPod } from '../cluster/app-objects.ts';
import { impactOf } from './impact.ts';
import { accountRow, consolePodRow } from './rows.ts';

type Status = NonNullable<LinkedServiceAccount['status']>;
type Condition = NonNullable<Status['conditions']>[number];

const roleArn = 'arn:aws:iam::123456789012:role/konstellation/pay';
const condition = (type: string, status: Condition['status'], reason = type): Condition => ({
  type,
  status,
  reason,
  message: `${type} is ${status}`,
  lastTransitionTime: '2026-01-01T00:00:00Z',
  observedGeneration: 2,
});
const types = [
  'Ready',
  'RoleSynced',
  'PoliciesAttached',
  'TargetsLinked',
  'IdentityProven',
  'WorkloadsCurrent',
];
const target = { name: 'staging', roleArn, linked: true, proven: true, provenAt: '2026-01-01T00:00:00Z' };

function account(status: Partial<Status> = {}, generation = 2): LinkedServiceAccount {
  return {
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name: 'pay', uid: 'u', generation },
    spec: {
      aws: { policyArns: ['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess'] },
      deletionPolicy: 'Delete',
    },
    status: {
      observedGeneration: 2,
      roleArn,
      targets: [target],
      conditions: types.map((type) => condition(type, 'True')),
      ...status,
    },
  };
}

const conditions = (failed: string, status: Condition['status'], reason: string): Condition[] =>
  types.map((type) =>
    type === failed || type === 'Ready' ? condition(type, status, reason) : condition(type, 'True'),
  );

describe('the row of an account', () => {
  it('shows every link and target as established when the operator has proven the current spec', () => {
    const row = accountRow(account(), ['web']);
    expect(row).toMatchObject({ name: 'pay', ready: 'True', apps: ['web'], policies: 1, roleArn });
    expect(Object.values(row.links)).toEqual(['True', 'True', 'True', 'True', 'True']);
    expect(row.targets).toMatchObject([{ name: 'staging', proof: 'proven', mode: 'IRSA' }]);
    expect(row.blocker).toBeUndefined();
  });

  it('shows nothing as proven or ready while the operator has not processed the current spec', () => {
    const row = accountRow(account({}, 3), []);
    expect(row.ready).toBe('Unknown');
    expect(new Set(Object.values(row.links))).toEqual(new Set(['Unknown']));
    expect(row.targets[0]?.proof).toBe('unknown');
  });

  it('shows no proof while the condition is Unknown, although the last exchange succeeded', () => {
    const row = accountRow(
      account({ conditions: conditions('IdentityProven', 'Unknown', 'Unreachable') }),
      [],
    );
    expect(row.targets[0]?.proof).toBe('unknown');
    expect(row.targets[0]?.provenAt).toBe('2026-01-01T00:00:00Z');
  });

  it('shows nothing as proven while the account has no status', () => {
    const { status: _, ...bare } = account();
    const row = accountRow(bare, []);
    expect(row).toMatchObject({ ready: 'Unknown', reason: 'NotObserved', targets: [] });
    expect(new Set(Object.values(row.links))).toEqual(new Set(['Unknown']));
  });

  it('keeps the proofs of other targets when the proof of one target fails, and contains the error message of STS', () => {
    const failed = {
      ...target,
      name: 'production',
      proven: false,
      reason: 'AccessDenied',
      message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
    };
    const row = accountRow(
      account({
        targets: [target, failed],
        conditions: conditions('IdentityProven', 'False', 'AccessDenied'),
      }),
      [],
    );
    expect(row.targets.map(({ proof }) => proof)).toEqual(['proven', 'failed']);
    expect(row.targets[1]?.message).toContain('sts:AssumeRoleWithWebIdentity');
    expect(row.blocker).toMatchObject({ link: 'proof', about: 'target production', reason: 'AccessDenied' });
  });

  it('shows that a target waits for its first pod', () => {
    const waiting = { ...target, proven: false, confirmed: true, reason: 'AwaitingFirstPod' };
    const row = accountRow(
      account({
        targets: [waiting],
        conditions: conditions('IdentityProven', 'Unknown', 'AwaitingFirstPod'),
      }),
      [],
    );
    expect(row.targets[0]?.proof).toBe('awaiting');
    expect(row.blocker).toBeUndefined();
  });

  it.each([
    [
      'policies',
      {
        policies: [
          { arn: 'arn:aws:iam::aws:policy/No', attached: false, reason: 'PolicyNotFound', message: 'no' },
        ],
      },
      'Correct the policies: kon account edit pay',
    ],
    [
      'targets',
      {
        targets: [
          { name: 'staging', linked: false, proven: false, reason: 'NamespaceMissing', message: 'no' },
        ],
      },
      'Check whether the operator has created the namespace: kon target list',
    ],
    [
      'role',
      { conditions: conditions('RoleSynced', 'False', 'RoleNotOwned') },
      'If the role that the message names is unused, delete the role.',
    ],
    [
      'account',
      { conditions: [condition('Ready', 'False', 'ClusterConfigMissing')], targets: [] },
      'Configure the cluster: kon apply -f FILE; FILE contains a ClusterConfig',
    ],
  ] as const)('names %s as the failing link, with the advice of the command line', (link, status, step) => {
    const { blocker } = accountRow(account(status as Partial<Status>), []);
    expect(blocker?.link).toBe(link);
    expect(blocker?.next[0]).toBe(step);
    expect(blocker?.next.at(-1)).toBe('Show the account: kon account show pay');
  });
});

describe('the quarantine of an account', () => {
  const quarantine: Quarantine = {
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'Quarantine',
    metadata: { name: 'pay', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { account: 'pay', requestedBy: 'ann', reason: 'incident 4711' },
  };
  const request = { name: 'pay', since: '2026-01-01T00:00:00Z', requestedBy: 'ann', reason: 'incident 4711' };
  const stopped = (reason: string): LinkedServiceAccount =>
    account({ conditions: [condition('Ready', 'False', reason)] });

  it.each([
    [
      'requested, while a Quarantine exists and the roles are open',
      account(),
      [quarantine],
      'requested',
      [request],
    ],
    ['in force, after the roles were closed', stopped('Quarantined'), [quarantine], 'in force', [request]],
    [
      'in force for a user without permission to read Quarantines',
      stopped('Quarantined'),
      [],
      'in force',
      [],
    ],
    ['ending, while pods from before run', stopped('OldPodsRunning'), [], 'ending', []],
    [
      'requested again, if a Quarantine follows during the end',
      stopped('OldPodsRunning'),
      [quarantine],
      'requested',
      [request],
    ],
  ] as const)('is %s', (_when, of, quarantines, state, requests) => {
    expect(accountRow(of, [], quarantines).quarantine).toEqual({ state, requests });
  });

  it('is absent for an account that is ready or has another problem', () => {
    expect(accountRow(account(), []).quarantine).toBeUndefined();
    expect(accountRow(stopped('PolicyNotFound'), []).quarantine).toBeUndefined();
  });
});

describe('the last use of an account', () => {
  it('is taken from the status, and is absent while it is unknown', () => {
    const lastUsed = { date: '2026-01-01', trackedSince: '2025-01-01' };
    expect(accountRow(account({ lastUsed }), []).lastUsed).toEqual(lastUsed);
    expect(accountRow(account(), []).lastUsed).toBeUndefined();
  });
});

const wanted = { roleArn, audience: 'sts.amazonaws.com' };

function pod(env: readonly { name: string; value: string }[], more: object = {}): AppPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'staging', labels: { 'k11n.dev/app': 'web' }, ...more },
    spec: {
      serviceAccountName: 'pay',
      containers: [{ name: 'web', env, volumeMounts: [{ name: 'token', mountPath: '/aws' }] }],
      volumes: [
        {
          name: 'token',
          projected: { sources: [{ serviceAccountToken: { audience: wanted.audience, path: 'token' } }] },
        },
      ],
    },
    status: { phase: 'Running' },
  };
}

const injected = [
  { name: 'AWS_ROLE_ARN', value: roleArn },
  { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/aws/token' },
];

describe('the row of a pod', () => {
  it.each([
    ['IRSA', 'current', injected, wanted],
    ['node role', 'uninjected', [], wanted],
    ['node role', 'none wanted', [], undefined],
    [
      'own credentials',
      'stale',
      [...injected, { name: 'AWS_ACCESS_KEY_ID', value: 'AKIAIOSFODNN7EXAMPLE' }],
      wanted,
    ],
    ['own credentials', 'stale', [{ name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: 'http://x' }], wanted],
  ] as const)('shows the mechanism %s and the identity %s', (mechanism, identity, env, desired) => {
    expect(consolePodRow(pod(env), desired, desired && 'pay')).toMatchObject({
      namespace: 'staging',
      name: 'web-1',
      serviceAccount: 'pay',
      app: 'web',
      mechanism,
      identity,
    });
  });
});

describe('a pod that a Quarantine names', () => {
  const row = {
    uid: 'u-1',
    namespace: 'staging',
    name: 'web-1',
    quarantine: 'web-1',
    since: '2026-01-01T00:00:00Z',
    denied: false,
    reason: 'PodsNotDenied',
    message: 'no boundary',
  };

  it('is listed with its account, and is marked only if the Quarantine names the UID of this pod', () => {
    expect(accountRow(account({ quarantinedPods: [row] }), []).quarantinedPods).toEqual([row]);
    const rowOf = (uid: string): unknown =>
      consolePodRow(pod(injected, { uid }), wanted, 'pay', [row]).quarantine;
    expect(rowOf('u-1')).toEqual(row);
    expect(rowOf('u-2')).toBeUndefined();
  });

  it('does not put its whole account in quarantine', () => {
    const named: Quarantine = {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'Quarantine',
      metadata: { name: 'web-1' },
      spec: { account: 'pay', pods: [{ uid: 'u-1' }] },
    };
    expect(accountRow(account({ quarantinedPods: [row] }), [], [named]).quarantine).toBeUndefined();
    expect(accountRow(account({ quarantinedPods: [] }), []).quarantinedPods).toBeUndefined();
  });
});

it("the impact of an account's deletion lists the running pods of each target, without finished pods", () => {
  const finished = { ...pod([], { name: 'job' }), status: { phase: 'Succeeded' } };
  const impact = impactOf(account(), [], [pod(injected), finished]);
  expect(impact.targets).toEqual([{ name: 'staging', pods: ['web-1'] }]);
  expect(impact.deletion).toContain(
    `The role ${roleArn} is deleted too, which ends its sessions immediately.`,
  );
  expect(impactOf(account(), undefined, []).deletion).toContain(
    'You are not permitted to list apps, so it is unknown which apps are affected.',
  );
});
