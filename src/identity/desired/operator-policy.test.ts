import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  largestInlinePolicy,
  operatorCalls,
  operatorPolicy,
  operatorPolicyOptions,
} from './operator-policy.ts';

const clusterArn = 'arn:aws-us-gov:eks:us-gov-west-1:123456789012:cluster/production';
const options = { clusterArn, rolePath: '/konstellation/' };

/** Adapters that the operator does not use: commands and installers run them with the user's own credentials. */
const notOfTheOperator = ['iam-access-reader.ts', 'iam-policy-reader.ts', 'installation.ts'];

const commandsOf = (service: string): readonly string[] => {
  const folder = join(import.meta.dirname, '../../aws');
  const found = readdirSync(folder)
    .filter((name) => /^[^.]+\.ts$/.test(name) && !notOfTheOperator.includes(name))
    .flatMap((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      const imports =
        text.match(new RegExp(`import \\{([^}]*)\\} from '@aws-sdk/client-${service}'`))?.[1] ?? '';
      return [...imports.matchAll(/\b(\w+)Command\b/g)].map((match) => match[1] ?? '');
    });
  return [...new Set(found)].sort();
};

describe('operatorCalls', () => {
  it.each(['iam', 'sts', 'eks'] as const)(
    'lists exactly the commands that the adapters send to %s',
    (service) => {
      expect(commandsOf(service).length).toBeGreaterThan(1);
      expect(Object.keys(operatorCalls[service]).sort()).toEqual(commandsOf(service));
    },
  );
});

describe('operatorPolicyOptions', () => {
  const config = {
    metadata: { name: 'main' },
    spec: {
      targets: [],
      aws: { region: 'cn-north-1', rolePath: '/konstellation/', driftIntervalSeconds: 60 },
    },
  };

  it('are undefined if the AWS account is unknown', () => {
    expect(operatorPolicyOptions(config)).toBeUndefined();
    expect(operatorPolicyOptions(config, { accountId: '123456789012' })).toEqual({
      clusterArn: 'arn:aws-cn:eks:cn-north-1:123456789012:cluster/main',
      rolePath: '/konstellation/',
    });
  });

  it('are derived from the spec and the status of the ClusterConfig', () => {
    const aws = {
      ...config.spec.aws,
      accountId: '210987654321',
      clusterName: 'eks-main',
      oidcIssuer: 'https://issuer.example/main',
      permissionsBoundaryArn: 'arn:aws-cn:iam::210987654321:policy/boundary',
      allowedPolicyArns: ['arn:aws-cn:iam::aws:policy/*'],
      allowStatements: true,
      tags: { app: 'x' },
      allowedTagKeys: ['team'],
    };
    expect(operatorPolicyOptions({ ...config, spec: { targets: [], aws } }, { adoption: true })).toEqual({
      clusterArn: 'arn:aws-cn:eks:cn-north-1:210987654321:cluster/eks-main',
      rolePath: '/konstellation/',
      providerArn: 'arn:aws-cn:iam::210987654321:oidc-provider/issuer.example/main',
      permissionsBoundaryArns: ['arn:aws-cn:iam::210987654321:policy/boundary'],
      allowedPolicyArns: ['arn:aws-cn:iam::aws:policy/*'],
      statements: true,
      tagKeys: ['app', 'team'],
      adoption: true,
    });
  });
});

describe('operatorPolicy', () => {
  const actionsOf = (given: Parameters<typeof operatorPolicy>[0]): readonly string[] =>
    operatorPolicy(given).Statement.flatMap(({ Action }) => Action);

  it('grants every call, with two exceptions: removing a boundary while a boundary is required, and writing inline policies unless statements are allowed and a boundary is required', () => {
    const every = (['iam', 'eks', 'eks-auth'] as const).flatMap((service) =>
      Object.keys(operatorCalls[service]).map((action) => `${service}:${action}`),
    );
    const all = every.filter((action) => action !== 'iam:PutRolePolicy');
    expect([...actionsOf(options)].sort()).toEqual([...all, 'iam:PassRole'].sort());
    const bounded = actionsOf({
      ...options,
      permissionsBoundaryArns: ['arn:aws:iam::123456789012:policy/b'],
    });
    expect(all.filter((action) => !bounded.includes(action))).toEqual(['iam:DeleteRolePermissionsBoundary']);
    expect(bounded).not.toContain('iam:PutRolePolicy');
    expect(actionsOf({ ...options, statements: true })).not.toContain('iam:PutRolePolicy');
    const granting = operatorPolicy({
      ...options,
      statements: true,
      permissionsBoundaryArns: ['arn:aws:iam::123456789012:policy/b'],
    }).Statement.filter(({ Action }) => Action.includes('iam:PutRolePolicy'));
    expect(granting).toMatchObject([
      {
        Action: ['iam:PutRolePolicy'],
        Resource: 'arn:aws-us-gov:iam::123456789012:role/konstellation/*',
        Condition: {
          StringEquals: {
            'iam:PermissionsBoundary': ['arn:aws:iam::123456789012:policy/b'],
            'aws:ResourceTag/k11n.dev/cluster': clusterArn,
          },
        },
      },
    ]);
  });

  it('is limited to the partition, the AWS account and the role path', () => {
    const resources = operatorPolicy(options).Statement.map(({ Sid, Resource }) => [Sid, Resource]);
    expect(Object.fromEntries(resources)).toMatchObject({
      ReadAccount: '*',
      ReadProvider: 'arn:aws-us-gov:iam::123456789012:oidc-provider/*',
      ReadRoles: 'arn:aws-us-gov:iam::123456789012:role/*',
      CreateMarkedRoles: 'arn:aws-us-gov:iam::123456789012:role/konstellation/*',
      ChangeOwnRoles: 'arn:aws-us-gov:iam::123456789012:role/konstellation/*',
      UseAssociations: clusterArn,
      CreateMarkedAssociations: clusterArn,
      ChangeOwnAssociations:
        'arn:aws-us-gov:eks:us-gov-west-1:123456789012:podidentityassociation/production/*',
      PassRolesToPods: 'arn:aws-us-gov:iam::123456789012:role/konstellation/*',
    });
  });

  it.each([
    '',
    '/',
    'konstellation/',
    '/konstellation',
    '//',
    '/a//b/',
    '/*/',
    '/a*/',
    '/a?/',
    '/${aws:username}/',
    "/${aws:username, '*'}/",
    '/$/',
    '/a b/',
    '/a"/',
    '/a:b/',
    '/é/',
    '/a/\n',
    `/${'a'.repeat(511)}/`,
  ])('refuses the role path %j', (rolePath) => {
    expect(() => operatorPolicy({ ...options, rolePath })).toThrow(RangeError);
  });

  it('escapes policy variables in text from a ClusterConfig', () => {
    const text = JSON.stringify(
      operatorPolicy({
        ...options,
        providerArn: 'arn:aws:iam::123456789012:oidc-provider/*.example/${aws:username}',
        permissionsBoundaryArns: ["arn:aws:iam::123456789012:policy/${aws:username,'x'}"],
        allowedPolicyArns: ["${aws:username, 'arn:aws:iam::aws:policy/AdministratorAccess'}", 'arn:*/S3?'],
        tagKeys: ['*', 'te?m', '${aws:username}'],
      }),
    );
    expect(
      text.match(/\$\{[^}]*\}/g)?.filter((variable) => !['${$}', '${*}', '${?}'].includes(variable)),
    ).toEqual([]);
    expect(text).toContain('oidc-provider/${*}.example/${$}{aws:username}');
    expect(text).toContain('"arn:*/S3?"');
    expect(text).toContain('"${*}"');
  });

  it('allows listed tag keys, but no reserved key in any letter case', () => {
    const conditionOf = (sid: string, tagKeys?: readonly string[]): unknown =>
      operatorPolicy({ ...options, tagKeys }).Statement.find(({ Sid }) => Sid === sid)?.Condition;
    const keys = ['team', 'K11N.dev/account', 'Kubernetes-Namespace', 'eks-cluster-name', 'AWS:x', 'team'];
    for (const sid of ['CreateMarkedRoles', 'TagMarkedRoles'])
      expect(conditionOf(sid, keys)).toMatchObject({
        'ForAllValues:StringLike': { 'aws:TagKeys': ['k11n.dev/*', 'team'] },
        Null: { 'aws:TagKeys': 'false' },
      });
    for (const sid of ['CreateMarkedAssociations', 'MarkAssociations'])
      expect(conditionOf(sid, keys)).toMatchObject({
        'ForAllValues:StringLike': { 'aws:TagKeys': ['k11n.dev/*'] },
        Null: { 'aws:TagKeys': 'false' },
      });
  });

  it('allows the creation of roles only at the role path, even if the operator may adopt roles outside the path', () => {
    const { Statement } = operatorPolicy({ ...options, adoption: true });
    const resourceOf = (sid: string): unknown => Statement.find(({ Sid }) => Sid === sid)?.Resource;
    expect(resourceOf('CreateMarkedRoles')).toBe('arn:aws-us-gov:iam::123456789012:role/konstellation/*');
    expect(resourceOf('TagMarkedRoles')).toBe('arn:aws-us-gov:iam::123456789012:role/*');
    expect(resourceOf('PassRolesToPods')).toBe('arn:aws-us-gov:iam::123456789012:role/konstellation/*');
  });

  it('has a condition on every write', () => {
    const reads = ['ReadAccount', 'ReadProvider', 'ReadRoles', 'UseAssociations', 'ReadAssociations'];
    for (const { Sid, Condition } of operatorPolicy(options).Statement)
      expect(Condition !== undefined, Sid).toBe(!reads.includes(Sid));
  });

  it('requires no boundary if the list of boundaries is empty, and allows only AWSDenyAll if the list of policies is empty', () => {
    expect(operatorPolicy({ ...options, permissionsBoundaryArns: [] })).toEqual(operatorPolicy(options));
    const { Statement } = operatorPolicy({ ...options, allowedPolicyArns: [] });
    const attachments = Statement.filter(({ Action }) => Action.includes('iam:AttachRolePolicy'));
    expect(attachments.map(({ Condition }) => Condition?.['StringLike'])).toEqual([
      { 'iam:PolicyARN': ['arn:aws-us-gov:iam::aws:policy/AWSDenyAll'] },
    ]);
  });

  it('allows attaching AWSDenyAll and setting it as the boundary, but no other write to a role with this boundary', () => {
    const denyAll = 'arn:aws-us-gov:iam::aws:policy/AWSDenyAll';
    const { Statement } = operatorPolicy({
      ...options,
      permissionsBoundaryArns: ['arn:aws-us-gov:iam::123456789012:policy/boundary'],
      allowedPolicyArns: ['arn:aws-us-gov:iam::aws:policy/AmazonS3*'],
    });
    const naming = (key: 'StringLike' | 'StringEquals', name: string): readonly string[] =>
      Statement.flatMap(({ Sid, Condition }) =>
        [Condition?.[key]?.[name] ?? []].flat().includes(denyAll) ? [Sid] : [],
      );
    expect(naming('StringLike', 'iam:PolicyARN')).toEqual(['AttachToOwnRoles']);
    expect(naming('StringEquals', 'iam:PermissionsBoundary')).toEqual(['BoundOwnRoles']);
  });

  it('is small enough for the inline policy of a role', () => {
    const size = JSON.stringify(
      operatorPolicy({
        clusterArn: `arn:aws-us-gov:eks:us-gov-west-1:123456789012:cluster/${'c'.repeat(100)}`,
        rolePath: `/${'p'.repeat(510)}/`,
        providerArn: `arn:aws-us-gov:iam::123456789012:oidc-provider/oidc.eks.us-gov-west-1.amazonaws.com/id/${'A'.repeat(32)}`,
        permissionsBoundaryArns: [`arn:aws-us-gov:iam::123456789012:policy/${'b'.repeat(128)}`],
        allowedPolicyArns: [
          'arn:aws-us-gov:iam::aws:policy/*',
          'arn:aws-us-gov:iam::123456789012:policy/apps/*',
        ],
      }),
    ).length;
    expect(size).toBeLessThan(largestInlinePolicy);
  });
});
