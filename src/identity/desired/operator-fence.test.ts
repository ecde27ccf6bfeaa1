import { describe, expect, it } from 'vitest';
import { unboundedOperator } from './operator-fence.ts';

type Limits = Omit<Parameters<typeof unboundedOperator>[0], 'clusterArn'>;

const clusterArn = 'arn:aws-cn:eks:cn-north-1:123456789012:cluster/main';
const aws = 'arn:aws-cn:iam::aws:policy';
const boundary = 'arn:aws-cn:iam::123456789012:policy/boundary';

describe('unboundedOperator', () => {
  it.each<readonly [string, Limits, string]>([
    [
      'neither a boundary nor a list of allowed policies',
      {},
      'no permissions boundary is required, and accounts may list any policy',
    ],
    [
      'an empty list of boundaries',
      { permissionsBoundaryArns: [] },
      'no permissions boundary is required, and accounts may list any policy',
    ],
    [
      'an administrator policy as the boundary',
      { permissionsBoundaryArns: [`${aws}/AdministratorAccess`] },
      'AdministratorAccess limits nothing',
    ],
    [
      'one of several boundaries that limits nothing',
      { permissionsBoundaryArns: [boundary, `${aws}/IAMFullAccess`] },
      'IAMFullAccess limits nothing',
    ],
    [
      'statements without a boundary, in spite of a list of named policies',
      { statements: true, allowedPolicyArns: [`${aws}/AmazonS3*`] },
      'no permissions boundary is required, and accounts may have statements',
    ],
    [
      'statements under a boundary that limits nothing, in spite of a list of named policies',
      {
        statements: true,
        permissionsBoundaryArns: [`${aws}/AdministratorAccess`],
        allowedPolicyArns: [`${aws}/AmazonS3*`],
      },
      'AdministratorAccess limits nothing',
    ],
    ...[
      '*',
      'arn:*',
      `${aws}/*`,
      `${aws}/Admin*`,
      `${aws}/AdministratorAccess`,
      `${aws}/AdministratorAcces?`,
      'arn:aws*:iam::aws:policy/*FullAccess',
      `${aws}/PowerUser*`,
      '*Access',
    ].map(
      (pattern) =>
        [
          `the pattern ${pattern}`,
          { allowedPolicyArns: [`${aws}/AmazonS3ReadOnlyAccess`, pattern] },
          `the pattern "${pattern}" in allowedPolicyArns matches`,
        ] as const,
    ),
  ])('reports an operator with %s as unlimited', (_what, given, why) => {
    expect(unboundedOperator({ clusterArn, ...given })?.why).toContain(why);
  });

  it.each<readonly [string, Limits]>([
    ['a boundary', { permissionsBoundaryArns: [boundary] }],
    ['statements under a boundary', { permissionsBoundaryArns: [boundary], statements: true }],
    [
      'a boundary beside a list that allows every policy',
      { permissionsBoundaryArns: [boundary], allowedPolicyArns: ['*'] },
    ],
    ['an empty list of allowed policies', { allowedPolicyArns: [] }],
    [
      'a list of named policies',
      { allowedPolicyArns: [`${aws}/AmazonS3*`, 'arn:aws-cn:iam::123456789012:policy/*'] },
    ],
    [
      'a list of named policies beside a boundary that limits nothing',
      { permissionsBoundaryArns: [`${aws}/AdministratorAccess`], allowedPolicyArns: [`${aws}/AmazonS3*`] },
    ],
    [
      'a pattern that matches only policies of another partition',
      { allowedPolicyArns: ['arn:aws:iam::aws:policy/*'] },
    ],
  ])('accepts an operator with %s', (_what, given) => {
    expect(unboundedOperator({ clusterArn, ...given })).toBeUndefined();
  });
});
