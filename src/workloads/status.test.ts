import { describe, expect, test } from 'vitest';
import type { App, LinkedServiceAccount } from '../api/index.ts';
import type { Deployment } from './deployment.ts';
import { planApp } from './plan.ts';
import type { Pod } from './pod.ts';
import { appStatus, type AppStatusDraft, transitions } from './status.ts';
import { reportTarget, type TargetOutcome } from './target-status.ts';
import {
  account,
  app,
  deployment,
  identityOf,
  observation,
  otherRoleArn,
  pod,
  roleArn,
  row,
  target,
} from './testing/fixtures.ts';
import type { Wall } from '../k8s/time.ts';

type World = {
  readonly app: App;
  readonly account?: LinkedServiceAccount;
  /** Existing Deployment in the target `production`. */
  readonly deployment?: Deployment;
  readonly pods?: readonly Pod[];
  readonly outcomes?: Readonly<Record<string, TargetOutcome>>;
};

/** Status of the App after a plan was executed in the given world. */
function statusIn(world: World): AppStatusDraft {
  const plan = planApp(observation({ app: world.app, account: world.account }));
  return appStatus(
    world.app,
    plan.targets.map((entry) =>
      reportTarget({
        app: world.app,
        plan: entry,
        outcome: world.outcomes?.[entry.target.name] ?? {},
        deployment: entry.target.name === 'production' ? world.deployment : undefined,
        pods: entry.target.name === 'production' ? (world.pods ?? []) : [],
        now: 0 as Wall,
      }),
    ),
  );
}

function summary(status: AppStatusDraft): Readonly<Record<string, string>> {
  return Object.fromEntries([
    ...(status.targets ?? []).map((entry) => [entry.name, `${entry.state} ${entry.reason}`]),
    ...status.conditions.map((entry) => [entry.type, `${entry.status} ${entry.reason}`]),
  ]) as Readonly<Record<string, string>>;
}

const withAccount = app({ serviceAccount: 'payments' });
const { mark } = identityOf();
const proven = account([row('production')]);

describe('the status of an app', () => {
  describe('the status of a halted app whose spec cannot be applied', () => {
    const halted = [target('production', { deployMode: 'halt' })];
    const invalid = { image: 'example.com/web:1', imageTag: '2' };

    test('is Halted after its pods were deleted, and contains the fault of the spec', () => {
      const going = deployment({ replicas: 0, status: { replicas: 1, updatedReplicas: 0 } });
      const of = app({ ...invalid, targets: halted });
      expect(summary(statusIn({ app: of, deployment: going, pods: [pod()] })).production).toBe(
        'Progressing RollingOut',
      );
      const gone = statusIn({ app: of, deployment: deployment({ replicas: 0 }) });
      expect(summary(gone)).toEqual({
        production: 'Halted InvalidSpec',
        Ready: 'False InvalidSpec',
        IdentityReady: 'True NoAccount',
        Available: 'True Available',
      });
      expect(gone.ready).toBe('0/1');
      expect(gone.targets?.[0]?.message).toMatch(/^halted: the target has no pods, .*spec.imageTag/);
    });

    test('is Halted even if the API server refused another part of the spec', () => {
      const status = statusIn({
        app: app({ targets: halted }),
        deployment: deployment({ replicas: 0 }),
        outcomes: { production: { failure: { reason: 'Refused', message: 'limits are too low' } } },
      });
      expect(summary(status)).toMatchObject({ production: 'Halted Refused', Ready: 'False Refused' });
    });

    test('says that the target runs as last deployed until the Deployment has no replicas, and then that the target has no pods', () => {
      const messageWith = (replicas: number): string | undefined =>
        statusIn({ app: app(invalid), deployment: deployment({ replicas }) }).targets?.[0]?.message;
      expect(messageWith(1)).toMatch(
        /spec.imageTag: .*; until this problem is solved, the target runs as last deployed$/,
      );
      expect(messageWith(0)).toMatch(/; until this problem is solved, the target has no pods$/);
      expect(statusIn({ app: app(invalid) }).targets?.[0]?.message).not.toContain(
        'until this problem is solved',
      );
    });

    test('is not Halted if the API server did not answer', () => {
      const status = statusIn({
        app: app({ targets: halted }),
        deployment: deployment(),
        outcomes: { production: { failure: { reason: 'WriteFailed', message: 'timed out' } } },
      });
      expect(summary(status).production).toBe('Failed WriteFailed');
    });
  });

  test('is ready if the app names no account', () => {
    const status = statusIn({ app: app(), deployment: deployment(), pods: [pod()] });
    expect(status).toMatchObject({
      observedGeneration: 1,
      ready: '1/1',
      targets: [
        {
          name: 'production',
          state: 'Ready',
          image: 'example.com/web:1',
          revision: '3',
          replicas: 1,
          readyReplicas: 1,
          identityCurrent: true,
        },
      ],
    });
    expect(summary(status)).toEqual({
      production: 'Ready Available',
      Ready: 'True Ready',
      IdentityReady: 'True NoAccount',
      Available: 'True Available',
    });
  });

  test.each([
    ['a role', pod({ holds: roleArn, serviceAccount: 'default' }), roleArn],
    [
      'a Pod Identity',
      {
        ...pod({ serviceAccount: 'default' }),
        spec: {
          serviceAccountName: 'default',
          containers: [
            {
              name: 'web',
              env: [
                { name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: 'http://169.254.170.23/v1/credentials' },
                { name: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', value: '/agent/token' },
              ],
              volumeMounts: [{ name: 'agent', mountPath: '/agent' }],
            },
          ],
          volumes: [
            {
              name: 'agent',
              projected: {
                sources: [{ serviceAccountToken: { audience: 'pods.eks.amazonaws.com', path: 'token' } }],
              },
            },
          ],
        },
      },
      'an EKS Pod Identity',
    ],
  ])('reports pods that hold %s although the app names no account', (_, held, what) => {
    const status = statusIn({ app: app(), deployment: deployment(), pods: [held] });
    expect(summary(status)).toEqual({
      production: 'Ready UnexpectedIdentity',
      Ready: 'False UnexpectedIdentity',
      IdentityReady: 'False UnexpectedIdentity',
      Available: 'True Available',
    });
    expect(status.targets?.[0]?.identityCurrent).toBe(false);
    expect(status.targets?.[0]?.message).toContain(
      `1 pod holds an AWS identity through the ServiceAccount production/default (web-1: ${what})`,
    );
    expect(transitions(undefined, status)).toMatchObject([{ type: 'Warning', reason: 'UnexpectedIdentity' }]);
  });

  test('does not report pods that bring AWS credentials of their own if the app names no account', () => {
    const own = pod({ serviceAccount: 'default' });
    const keys = [
      { name: 'AWS_ROLE_ARN', value: roleArn },
      { name: 'AWS_ACCESS_KEY_ID', value: 'AKIA' },
    ];
    const status = statusIn({
      app: app(),
      deployment: deployment(),
      pods: [{ ...own, spec: { ...own.spec, containers: [{ name: 'web', env: keys }] } }],
    });
    expect(summary(status)).toMatchObject({ Ready: 'True Ready', IdentityReady: 'True NoAccount' });
  });

  test("is ready if the app's account is proven", () => {
    const status = statusIn({
      app: withAccount,
      account: proven,
      deployment: deployment({ mark }),
      pods: [pod({ mark, holds: roleArn })],
    });
    expect(status.targets?.[0]).toMatchObject({ state: 'Ready', roleArn, identityCurrent: true });
    expect(summary(status)).toMatchObject({ Ready: 'True Ready', IdentityReady: 'True Proven' });
  });

  test('shows that the app waits for its account and that nothing is deployed', () => {
    const status = statusIn({ app: withAccount });
    expect(summary(status)).toEqual({
      production: 'WaitingForIdentity AccountNotFound',
      Ready: 'False AccountNotFound',
      IdentityReady: 'False AccountNotFound',
      Available: 'False AccountNotFound',
    });
    expect(status.conditions[0]?.message).toMatch(
      /production: account "payments" \(LinkedServiceAccount\) does not exist.*nothing is deployed/,
    );
  });

  test('shows that the app waits for its account while the previous version runs', () => {
    const status = statusIn({ app: withAccount, deployment: deployment(), pods: [pod()] });
    expect(summary(status)).toMatchObject({
      Ready: 'False AccountNotFound',
      Available: 'True Available',
    });
    expect(status.targets?.[0]?.message).toMatch(/the target stays as last deployed/);
  });

  test('reports that the account is no longer proven, even if the pods are ready', () => {
    const seen = deployment({ mark });
    const plan = planApp(
      observation({
        app: withAccount,
        account: account([row('production', { proven: false, message: 'AccessDenied' })]),
        objects: [seen],
      }),
    );
    const status = appStatus(
      withAccount,
      plan.targets.map((entry) =>
        reportTarget({
          app: withAccount,
          plan: entry,
          outcome: {},
          deployment: seen,
          pods: [pod({ mark, holds: roleArn })],
          now: 0 as Wall,
        }),
      ),
    );
    expect(summary(status)).toEqual({
      production: 'Ready Available',
      Ready: 'False IdentityNotProven',
      IdentityReady: 'False IdentityNotProven',
      Available: 'True Available',
    });
  });

  test('reports that the app waits because new pods would get no identity', () => {
    const message = 'it is deployed once the webhook injects';
    const outcomes = { production: { heldBack: { reason: 'NotInjected', message } } } as const;
    const fresh = statusIn({ app: withAccount, account: proven, outcomes });
    expect(summary(fresh)).toEqual({
      production: 'WaitingForIdentity NotInjected',
      Ready: 'False NotInjected',
      IdentityReady: 'False NotInjected',
      Available: 'False NotInjected',
    });
    expect(fresh.targets?.[0]?.message).toBe(`${message}; nothing is deployed until this problem is solved`);
    const running = statusIn({ app: withAccount, account: proven, outcomes, deployment: deployment() });
    expect(summary(running)).toMatchObject({ Ready: 'False NotInjected', Available: 'True Available' });
    expect(running.targets?.[0]?.message).toBe(
      `${message}; until this problem is solved, the target stays as last deployed`,
    );
  });

  test('shows the other targets if one target has failed', () => {
    const status = statusIn({
      app: app({ targets: [target('production'), target('nowhere')] }),
      deployment: deployment(),
    });
    expect(summary(status)).toMatchObject({
      production: 'Ready Available',
      nowhere: 'Failed TargetUnknown',
      Ready: 'False TargetUnknown',
    });
    expect(status.ready).toBe('1/2');
  });

  test('ranks failed targets before waiting targets', () => {
    const status = statusIn({
      app: app({ serviceAccount: 'payments', targets: [target('production'), target('nowhere')] }),
    });
    expect(summary(status)).toMatchObject({ Ready: 'False TargetUnknown' });
  });

  test('reports a write that the API server refused', () => {
    const status = statusIn({
      app: app(),
      deployment: deployment(),
      outcomes: { production: { failure: { reason: 'Refused', message: 'forbidden' } } },
    });
    expect(summary(status)).toMatchObject({ production: 'Failed Refused', Ready: 'False Refused' });
  });

  test('is Progressing while pods of a halted target still run, and Halted after the pods have ended', () => {
    const halted = app({
      serviceAccount: 'payments',
      targets: [target('production', { deployMode: 'halt' })],
    });
    expect(summary(statusIn({ app: halted, deployment: deployment({ replicas: 0 }) }))).toMatchObject({
      production: 'Halted Halted',
      Ready: 'True Ready',
    });
    const going = deployment({ replicas: 0, status: { replicas: 1, updatedReplicas: 0 } });
    expect(summary(statusIn({ app: halted, deployment: going }))).toMatchObject({
      production: 'Progressing RollingOut',
      Ready: 'False RollingOut',
    });
  });

  test.each([
    { what: 'no identity', seen: pod({ mark }), words: /pod web-1 holds no identity of its own/ },
    {
      what: 'another role',
      seen: pod({ mark, holds: otherRoleArn }),
      words: new RegExp(`holds ${otherRoleArn}`),
    },
    {
      what: 'the identity of another ServiceAccount',
      seen: pod(),
      words: /has another ServiceAccount|holds no identity/,
    },
  ])('reports a pod that holds $what', ({ seen, words }) => {
    const status = statusIn({
      app: withAccount,
      account: proven,
      deployment: deployment({ mark }),
      pods: [seen],
      outcomes: { production: { replacementWaits: 'it is replaced once the webhook injects' } },
    });
    expect(summary(status)).toMatchObject({ production: 'Progressing PodsNotCurrent' });
    expect(status.targets?.[0]).toMatchObject({ identityCurrent: false });
    expect(status.targets?.[0]?.message).toMatch(words);
    expect(status.targets?.[0]?.message).toMatch(/once the webhook injects$/);
  });

  test('does not count a terminating pod of the previous template', () => {
    const status = statusIn({
      app: withAccount,
      account: proven,
      deployment: deployment({ mark }),
      pods: [pod({ mark, holds: roleArn }), pod({ name: 'old', deleting: true })],
    });
    expect(status.targets?.[0]).toMatchObject({ state: 'Ready', identityCurrent: true });
  });
});

describe('transitions', () => {
  const waiting = statusIn({ app: withAccount });
  const ready = statusIn({
    app: withAccount,
    account: proven,
    deployment: deployment({ mark }),
    pods: [pod({ mark, holds: roleArn })],
  });

  test('returns an Event with the status message for each target that changes its state', () => {
    expect(transitions(undefined, waiting)).toEqual([
      { type: 'Warning', reason: 'AccountNotFound', message: `production: ${waiting.targets?.[0]?.message}` },
    ]);
    expect(transitions({ targets: waiting.targets }, ready)).toEqual([
      { type: 'Normal', reason: 'Available', message: 'production: 1 of 1 replicas are available' },
    ]);
  });

  test('returns no Event for a target that keeps its state, even if its status message changes', () => {
    const before = waiting.targets?.map((entry) => ({ ...entry, message: 'other words' }));
    expect(transitions({ targets: before }, waiting)).toEqual([]);
  });
});
