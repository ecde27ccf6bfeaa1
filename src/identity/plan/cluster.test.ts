import { describe, expect, it } from 'vitest';
import { type ClusterConfig } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { clusterState } from './cluster-state.ts';
import { planCluster, type ClusterWorld } from './cluster.ts';
import { IdentityError } from '../state/errors.ts';
import { allowListKey } from './policies.ts';
import type { Wall } from '../../k8s/time.ts';

const issuer = 'https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE';
const quotas = { policiesPerRole: 10, trustPolicySize: 2048, roles: 1000, rolesUsed: 100 };

const configOf = (aws: Partial<ClusterConfig['spec']['aws']> = {}): ClusterConfig => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'ClusterConfig',
  metadata: { name: 'main', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: {
    targets: ['production', 'staging'],
    aws: { region: 'us-west-2', rolePath: '/konstellation/', driftIntervalSeconds: 60, ...aws },
  },
});
const callerOf = (arn: string) => {
  const [, partition = '', , , accountId = ''] = arn.split(':');
  return { ok: true, value: { accountId, partition, arn } } as const;
};
const good: ClusterWorld = {
  now: Date.parse('2026-01-01T00:00:00Z') as Wall,
  config: configOf(),
  issuer: { ok: true, value: issuer },
  caller: callerOf('arn:aws:iam::123456789012:user/operator'),
  provider: { ok: true, value: { clientIds: ['sts.amazonaws.com'] } },
  quotas: { ok: true, value: quotas },
  namespaces: ['production', 'staging'].map((name) => ({ name, labelled: true, terminating: false })),
};
const failed = (code: ConstructorParameters<typeof IdentityError>[0], message: string) =>
  ({ ok: false, error: new IdentityError(code, message) }) as const;

/** ClusterConfig with the status that the plan for this world reports. */
const reported = (world: ClusterWorld): ClusterConfig => ({
  ...world.config,
  status: planCluster(world).status,
});
const readyOf = (config: ClusterConfig) => findCondition(config.status?.conditions, 'Ready');

describe('a ClusterConfig that is ready', () => {
  it('reports ignored tags and the number of attached policies that are no longer allowed', () => {
    const config = {
      ...good.config,
      spec: {
        ...good.config.spec,
        aws: { ...good.config.spec.aws, tags: { 'K11N.dev/account': 'x' }, allowedPolicyArns: ['a'] },
      },
    };
    const message = readyOf(reported({ ...good, config, disallowed: { policies: 3, accounts: 2 } }))?.message;
    expect(message).toContain('are ignored, because their keys are reserved');
    expect(message).toContain('do not allow 3 attached policies of 2 accounts, which stay attached');
    expect(message).toContain(`k11n.dev/detach-disallowed=${allowListKey(['a'])}`);
  });
});

describe('a ClusterConfig that matches its cluster and AWS account', () => {
  it('is Ready and provides the data from which accounts are planned', () => {
    const config = reported(good);
    expect(readyOf(config)).toMatchObject({ status: 'True', reason: 'Ready' });
    expect(clusterState([config])).toEqual({
      ok: true,
      facts: {
        name: 'main',
        configName: 'main',
        clusterArn: 'arn:aws:eks:us-west-2:123456789012:cluster/main',
        accountId: '123456789012',
        partition: 'aws',
        issuer,
        providerArn: 'arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE',
        rolePath: '/konstellation/',
        identityMode: 'IRSA',
        targets: ['production', 'staging'],
        tags: {},
        detachesDisallowed: false,
        allowsStatements: false,
        region: 'us-west-2',
        strictInline: false,
        proofIntervalMs: 6 * 3_600_000,
        quotas: { policiesPerRole: 10, trustPolicySize: 2048, roles: 1000, rolesUsed: 100 },
      },
    });
  });

  it.each<[string, number | undefined, ClusterWorld['provider'], number]>([
    ['to six hours by default', undefined, good.provider, 21_600],
    ['to the value in the ClusterConfig', 3600, good.provider, 3600],
    [
      'to ten minutes if the operator is not permitted to read the OIDC provider',
      undefined,
      failed('AccessDenied', 'denied'),
      600,
    ],
    [
      'to a shorter value in the ClusterConfig even without that permission',
      120,
      failed('AccessDenied', 'denied'),
      120,
    ],
  ])('sets the interval between proofs %s', (_, proofIntervalSeconds, provider, expected) => {
    const config = configOf(proofIntervalSeconds === undefined ? {} : { proofIntervalSeconds });
    const state = clusterState([reported({ ...good, config, ...(provider ? { provider } : {}) })]);
    expect(state).toMatchObject({ ok: true, facts: { proofIntervalMs: expected * 1000 } });
  });

  it.each([
    ['aws-cn', 'cn-north-1', 'arn:aws-cn:iam::123456789012:user/operator'],
    ['aws-us-gov', 'us-gov-west-1', 'arn:aws-us-gov:iam::123456789012:user/operator'],
  ])(
    "has the partition %s, taken from the ARN of the operator's AWS credentials",
    (partition, region, arn) => {
      const { status } = reported({ ...good, config: configOf({ region }), caller: callerOf(arn) });
      expect(status).toMatchObject({
        partition,
        clusterArn: `arn:${partition}:eks:${region}:123456789012:cluster/main`,
        oidcProviderArn: `arn:${partition}:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE`,
      });
    },
  );

  it('creates missing namespaces and labels existing namespaces, but does not change terminating namespaces', () => {
    const namespaces = [
      { name: 'production', labelled: false, terminating: false },
      { name: 'staging', labelled: false, terminating: true },
    ];
    expect(planCluster({ ...good, namespaces }).applyNamespaces).toEqual(['production']);
    expect(planCluster({ ...good, namespaces: [] }).applyNamespaces).toEqual(['production', 'staging']);
  });
});

describe('no account is planned', () => {
  const refused: readonly [string, ClusterWorld, string, RegExp][] = [
    [
      'credentials of another AWS account',
      { ...good, config: configOf({ accountId: '999999999999' }) },
      'WrongAccount',
      /123456789012.*999999999999/,
    ],
    [
      'an issuer other than the one that is stated',
      { ...good, config: configOf({ oidcIssuer: 'https://issuer.example/other' }) },
      'IssuerMismatch',
      /issuer\.example\/other.*EXAMPLE/,
    ],
    [
      'an API server that tells no issuer',
      { ...good, issuer: failed('Unexpected', 'the API server answered with 403') },
      'IssuerUnknown',
      /403/,
    ],
    [
      'no credentials',
      { ...good, caller: failed('CredentialsMissing', 'Could not load credentials from any providers') },
      'CredentialsMissing',
      /Could not load credentials/,
    ],
    [
      'credentials that AWS rejects',
      { ...good, caller: failed('CredentialsRejected', 'The security token is expired') },
      'CredentialsRejected',
      /expired/,
    ],
    ['an older ClusterConfig', { ...good, older: 'first' }, 'ClusterConfigDuplicate', /"first"/],
  ];
  it.each(refused)('with %s', (_what, world, reason, message) => {
    // The status of the second ClusterConfig still contains the facts from an earlier time when it was Ready.
    for (const config of [world.config, { ...world.config, status: reported(good).status ?? {} }]) {
      const wrong = reported({ ...world, config });
      expect(readyOf(wrong)).toMatchObject({ status: 'False', reason });
      expect(readyOf(wrong)?.message).toMatch(message);
      // The plans of accounts report the same message as the ClusterConfig.
      expect(clusterState([wrong])).toMatchObject({
        ok: false,
        reason: 'ClusterConfigNotReady',
        message: expect.stringMatching(message) as string,
      });
    }
  });

  // After an edit of the spec and before the next check, spec and status describe different clusters. A role planned
  // from both would belong to neither cluster.
  it.each([
    ['another cluster', { clusterName: 'renamed' }],
    ['another region', { region: 'eu-west-1' }],
    ['another AWS account', { accountId: '999999999999' }],
    ['another issuer', { oidcIssuer: 'https://issuer.example/other' }],
  ])('after the ClusterConfig was changed to %s, until the next check of the ClusterConfig', (_what, aws) => {
    const config = reported(good);
    const edited = { ...config, spec: configOf(aws).spec };
    expect(clusterState([edited])).toMatchObject({ ok: false, reason: 'ClusterConfigNotReady' });
    expect(clusterState([reported({ ...good, config: configOf({ clusterName: 'renamed' }) })])).toMatchObject(
      {
        ok: true,
        facts: { name: 'renamed', clusterArn: 'arn:aws:eks:us-west-2:123456789012:cluster/renamed' },
      },
    );
  });

  it('without a ClusterConfig, or with a ClusterConfig that has never been checked', () => {
    expect(clusterState([])).toMatchObject({ ok: false, reason: 'ClusterConfigMissing' });
    expect(clusterState([configOf()])).toMatchObject({ ok: false, reason: 'ClusterConfigNotReady' });
  });
});

describe('accounts are still planned', () => {
  const passing: readonly [string, ClusterWorld, string][] = [
    ['no OIDC provider', { ...good, provider: { ok: true, value: undefined } }, 'OIDCProviderMissing'],
    [
      'a provider without the audience',
      { ...good, provider: { ok: true, value: { clientIds: ['other'] } } },
      'AudienceMissing',
    ],
    [
      'a provider that AWS fails to return',
      { ...good, provider: failed('ServiceFailure', 'x') },
      'ServiceFailure',
    ],
  ];
  it.each(passing)('with %s', (_what, world, reason) => {
    const config = reported(world);
    expect(readyOf(config)).toMatchObject({ status: 'False', reason });
    expect(clusterState([config])).toMatchObject({ ok: true });
  });

  it('while AWS is unreachable, if the cluster was checked before', () => {
    const before = reported(good);
    const { quotas: _, provider: __, ...world } = good;
    const outage = { ...world, caller: failed('Unreachable', 'connect ECONNREFUSED') };
    const config = reported({ ...outage, config: before });
    expect(readyOf(config)).toMatchObject({ status: 'False', reason: 'Unreachable' });
    expect(clusterState([config])).toEqual(clusterState([before]));
    // If the cluster was not checked with the current spec, no account is planned.
    expect(clusterState([reported(outage)])).toMatchObject({ ok: false });
    const edited = { ...before, metadata: { ...before.metadata, generation: 2 } };
    expect(clusterState([reported({ ...outage, config: edited })])).toMatchObject({ ok: false });
  });

  it('if AWS denies reading the IAM OIDC provider; the ClusterConfig also stays Ready', () => {
    expect(readyOf(reported({ ...good, provider: failed('AccessDenied', 'no') }))?.status).toBe('True');
  });
});

describe('the IAM OIDC provider', () => {
  const providerOf = (config: ClusterConfig) => findCondition(config.status?.conditions, 'OIDCProviderReady');
  const missing = { ok: true, value: undefined } as const;
  const factsOf = (config: ClusterConfig) => {
    const state = clusterState([config]);
    return state.ok ? state.facts.providerProblem : undefined;
  };

  it.each(['IRSA', 'PodIdentity'] as const)(
    'is reported to accounts if it is missing or lacks the audience on a cluster that uses %s',
    (identityMode) => {
      const config = configOf({ identityMode });
      expect(providerOf(reported({ ...good, config }))).toMatchObject({ status: 'True' });
      expect(factsOf(reported({ ...good, config }))).toBeUndefined();
      expect(factsOf(reported({ ...good, config, provider: missing }))).toMatchObject({
        reason: 'OIDCProviderMissing',
      });
      expect(
        factsOf(reported({ ...good, config, provider: { ok: true, value: { clientIds: ['other'] } } })),
      ).toMatchObject({ reason: 'AudienceMissing' });
      expect(readyOf(reported({ ...good, config, provider: missing }))?.status).toBe(
        identityMode === 'IRSA' ? 'False' : 'True',
      );
    },
  );

  it('keeps its last condition while AWS is unavailable', () => {
    const config = reported({ ...good, provider: missing });
    expect(factsOf(reported({ ...good, config, provider: failed('Throttled', 'slow down') }))).toMatchObject({
      reason: 'OIDCProviderMissing',
    });
  });

  it('has the condition Unknown if the operator is not permitted to read the provider', () => {
    const config = reported({ ...good, provider: missing });
    const denied = reported({ ...good, config, provider: failed('AccessDenied', 'no') });
    expect(providerOf(denied)).toMatchObject({ status: 'Unknown', reason: 'AccessDenied' });
    expect(factsOf(denied)).toBeUndefined();
  });
});

describe('the count of roles', () => {
  const withUsed = (rolesUsed: number): number | undefined =>
    planCluster({
      ...good,
      config: { ...good.config, status: { quotas } },
      quotas: { ok: true, value: { ...quotas, rolesUsed } },
    }).status.quotas?.rolesUsed;

  it('is updated once it has changed by a noticeable part of the quota', () => {
    expect(withUsed(119)).toBe(100);
    expect(withUsed(81)).toBe(100);
    expect(withUsed(120)).toBe(120);
    expect(withUsed(80)).toBe(80);
  });

  it('remains unchanged if it cannot be read', () => {
    const config = { ...good.config, status: { quotas } };
    expect(planCluster({ ...good, config, quotas: failed('AccessDenied', 'no') }).status.quotas).toEqual(
      quotas,
    );
  });
});

describe('drift detection of a ClusterConfig', () => {
  const lastSuccess = Date.parse('2026-01-01T00:05:00Z');
  const driftOf = (config: ClusterConfig) => findCondition(config.status?.conditions, 'DriftChecked');
  const failing = (code: ConstructorParameters<typeof IdentityError>[0], passes: number): ClusterWorld => ({
    ...good,
    drift: [
      { what: 'roles', lastSuccess, failure: { error: new IdentityError(code, 'refused'), passes } },
      { what: 'associations', lastSuccess },
    ],
  });
  const checked: ClusterWorld = { ...good, drift: [{ what: 'roles', lastSuccess }] };

  it('has no condition before the first pass, and an unchanged condition after every successful pass', () => {
    expect(driftOf(reported(good))).toBeUndefined();
    expect(driftOf(reported(checked))).toMatchObject({ status: 'True', reason: 'DriftChecked' });
    const later = {
      ...checked,
      config: reported(checked),
      drift: [{ what: 'roles', lastSuccess: lastSuccess + 1e6 }],
    };
    expect(planCluster(later as ClusterWorld).status).toEqual(reported(checked).status);
  });

  it('sets DriftChecked to False at the first denied pass, with the reason and the time of the last successful pass', () => {
    const config = reported({ ...failing('AccessDenied', 1), config: reported(checked) });
    expect(driftOf(config)).toMatchObject({
      status: 'False',
      reason: 'AccessDenied',
      message: 'the comparison of roles with AWS has failed since 2026-01-01T00:05:00Z: refused',
    });
    expect(readyOf(config)).toMatchObject({ status: 'True' });
    // After a restart, the operator has no result of drift detection yet, so it keeps the condition.
    expect(driftOf(reported({ ...good, config }))).toEqual(driftOf(config));
  });

  it('sets DriftChecked to False after three passes that failed for a transient reason', () => {
    const after = (passes: number) =>
      driftOf(reported({ ...failing('Throttled', passes), config: reported(checked) }))?.status;
    expect([after(1), after(2), after(3)]).toEqual(['True', 'True', 'False']);
  });

  it('includes associations too', () => {
    const drift = [
      { what: 'roles', lastSuccess },
      { what: 'associations', failure: { error: new IdentityError('AccessDenied', 'no'), passes: 1 } },
    ] as const;
    expect(driftOf(reported({ ...good, drift }))).toMatchObject({
      status: 'False',
      message: 'the comparison of associations with AWS has failed since the operator started: no',
    });
  });
});
