import { describe, expect, test } from 'vitest';
import { createGuard, OutsidePlaceError } from './guard.ts';
import { createPlace, type ClusterOfPlace, type PlaceOptions } from './place.ts';
import { operationOf, resolveCommand, type Step } from './scenario.ts';
import { scenariosIn } from './table/table.ts';

const cluster: ClusterOfPlace = {
  name: 'main',
  region: 'eu-west-1',
  namespace: 'k11n-conf-aaaaaaaa',
  serviceAccount: 'pod',
  issuerHost: 'oidc.eks.eu-west-1.amazonaws.com/id/0123',
  hasProvider: false,
};
const options: PlaceOptions = {
  partition: 'aws',
  accountId: '123456789012',
  region: 'us-east-1',
  run: 'aaaaaaaa',
  callerArn: 'arn:aws:iam::123456789012:user/me',
  externalId: 'x',
  cluster,
};
const place = createPlace(options);
const role = { RoleName: place.name('a'), Path: place.path, Tags: place.tags };
const policy = { PolicyName: place.name('a'), Path: place.path, Tags: place.tags };
const association = {
  clusterName: 'main',
  namespace: cluster.namespace,
  roleArn: place.roleArn('a'),
  tags: { 'konstellation-conformance': 'aaaaaaaa' },
};

test('every call of the scenario table passes the guard', () => {
  const steps = Object.values(scenariosIn(place)).flatMap((scenarios) =>
    scenarios.flatMap((each) => each.steps),
  );
  const guard = createGuard(place);
  for (const step of steps) guard.check(operationOf(step), inputOf(step));
  expect(steps.length).toBeGreaterThan(200);
  expect([...guard.ledger.roles].every((name) => name.startsWith('k11n-conf-aaaaaaaa-'))).toBe(true);
  expect(guard.ledger.roles.size).toBeGreaterThan(30);
});

describe('the guard of a conformance run', () => {
  test.each<[string, string, Record<string, unknown>]>([
    ['a role without the name prefix', 'CreateRole', { ...role, RoleName: 'a' }],
    ['a role outside the path', 'CreateRole', { ...role, Path: '/' }],
    [
      'a role under the path of another run',
      'CreateRole',
      { ...role, Path: '/konstellation-conformance/bbbbbbbb/' },
    ],
    ['a role without the tag', 'CreateRole', { ...role, Tags: [] }],
    ['the deletion of a foreign role', 'DeleteRole', { RoleName: 'admin' }],
    ['a policy for a foreign role', 'AttachRolePolicy', { RoleName: 'admin', PolicyArn: place.managed('X') }],
    [
      'the removal of another policy from the role of the walkthrough',
      'DetachRolePolicy',
      { RoleName: 'kon-main-k11n-conf-aaaaaaaa-walk-0123456789ab', PolicyArn: place.managed('X') },
    ],
    [
      'the removal of a policy from the role of the walkthrough of another run',
      'DetachRolePolicy',
      { RoleName: 'kon-main-k11n-conf-bbbbbbbb-walk-0123456789ab', PolicyArn: place.managed('AWSDenyAll') },
    ],
    ['a policy without the tag', 'CreatePolicy', { ...policy, Tags: undefined }],
    [
      'a version of a foreign policy',
      'CreatePolicyVersion',
      { PolicyArn: 'arn:aws:iam::123456789012:policy/a' },
    ],
    [
      'a provider of another issuer',
      'CreateOpenIDConnectProvider',
      { Url: 'https://a.example.com', Tags: place.tags },
    ],
    [
      'the deletion of a provider that the run did not create',
      'DeleteOpenIDConnectProvider',
      { OpenIDConnectProviderArn: place.providerArn(cluster.issuerHost) },
    ],
    ['a session of a foreign role', 'AssumeRole', { RoleArn: 'arn:aws:iam::123456789012:role/admin' }],
    [
      'an association in another namespace',
      'CreatePodIdentityAssociation',
      { ...association, namespace: 'default' },
    ],
    [
      'an association of a foreign role',
      'CreatePodIdentityAssociation',
      { ...association, roleArn: 'arn:aws:iam::123456789012:role/admin' },
    ],
    ['a foreign bucket', 'DeleteBucket', { Bucket: 'photos' }],
    ['a foreign object', 'PutObject', { Bucket: 'photos', Key: 'k11n-conf-aaaaaaaa-a' }],
    ['an operation that no rule covers', 'CreateUser', { UserName: place.name('a') }],
  ])('refuses %s', (_title, operation, input) => {
    const guard = createGuard(place);
    expect(() => guard.check(operation, input)).toThrow(OutsidePlaceError);
    expect(Object.values(guard.ledger).map(({ size }) => size)).toEqual([0, 0, 0, 0]);
  });

  test('refuses to create or delete a provider for an issuer that already has a provider', () => {
    const guard = createGuard(createPlace({ ...options, cluster: { ...cluster, hasProvider: true } }));
    const Url = `https://${cluster.issuerHost}`;
    expect(() => guard.check('CreateOpenIDConnectProvider', { Url, Tags: place.tags })).toThrow(
      OutsidePlaceError,
    );
    expect(() =>
      guard.check('DeleteOpenIDConnectProvider', {
        OpenIDConnectProviderArn: place.providerArn(cluster.issuerHost),
      }),
    ).toThrow(OutsidePlaceError);
  });
});

test('the guard records the names of new objects before the call is sent', () => {
  const guard = createGuard(place);
  guard.check('CreateRole', role);
  guard.check('CreatePolicy', policy);
  guard.check('CreateOpenIDConnectProvider', { Url: `https://${cluster.issuerHost}`, Tags: place.tags });
  guard.check('CreateBucket', { Bucket: place.name('a') });
  guard.check('CreateBucket', { Bucket: '192.168.5.4' });
  guard.check('CreatePodIdentityAssociation', association);
  expect(guard.ledger).toEqual({
    roles: new Set([place.name('a')]),
    policies: new Set([`arn:aws:iam::123456789012:policy${place.path}${place.name('a')}`]),
    providers: new Set([place.providerArn(cluster.issuerHost)]),
    buckets: new Set([place.name('a')]),
  });
});

function inputOf(step: Step): Record<string, unknown> {
  const command = 'iam' in step ? step.iam : 'sts' in step ? step.sts : 'eks' in step ? step.eks : step.s3;
  return (resolveCommand(command, {}) as { input: Record<string, unknown> }).input;
}
