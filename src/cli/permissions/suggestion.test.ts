import { describe, expect, it } from 'vitest';
import type { RoleLastAccessed } from '../../policy/last-accessed.ts';
import { suggest } from './suggestion.ts';
import { facts, inputOf, longAgo, managed, policyText, recently } from './testing/suggestion-input.ts';

const allow = (
  actions: readonly string[],
  Resource: string | readonly string[] = '*',
  rest: object = {},
): object => ({
  Effect: 'Allow',
  Action: actions,
  Resource,
  ...rest,
});
const s3Full = managed('AmazonS3FullAccess');
const sqsFull = managed('AmazonSQSFullAccess');
const documents = {
  [s3Full]: policyText(allow(['s3:*'])),
  [sqsFull]: policyText(allow(['sqs:*'])),
};
const unusedSqs = { service: 'sqs', actions: [] };
/** One tracked action was used recently, and one long ago. IAM tracks no data events. */
const s3Lists: RoleLastAccessed[number] = {
  service: 's3',
  lastAccessed: recently,
  actions: [
    { name: 'CreateBucket', lastAccessed: longAgo },
    { name: 'DeleteBucket' },
    { name: 'GetBucketAcl' },
    { name: 'ListAllMyBuckets', lastAccessed: recently },
  ],
};

describe('suggest', () => {
  it('removes a policy if none of its services was used in the period', () => {
    const { policies, proposed } = suggest(
      inputOf(documents, [[s3Lists, { service: 'sqs', lastAccessed: longAgo, actions: [] }]]),
    );
    expect(policies[1]).toEqual({
      policy: sqsFull,
      advice: 'remove',
      reason: 'none of its actions is used',
      allowedActions: 2,
      actionsThatMayBeUsed: 0,
      unusedServices: ['sqs'],
    });
    expect(proposed?.aws.policyArns).not.toContain(sqsFull);
  });

  it('keeps a policy for a service if IAM returns no last-accessed data about the service', () => {
    expect(suggest(inputOf({ [sqsFull]: documents[sqsFull] ?? '' }, [[s3Lists]]))).toEqual({
      policies: [expect.objectContaining({ policy: sqsFull, advice: 'keep' })],
      statements: [],
    });
  });

  it('keeps all actions of a used service if IAM tracks none of them', () => {
    const used = { service: 'sqs', lastAccessed: recently, actions: [] };
    expect(suggest(inputOf({ [sqsFull]: documents[sqsFull] ?? '' }, [[used]])).proposed).toBeUndefined();
  });

  it('proposes, in place of a policy, statements with the used and untracked actions, the resources and the conditions of that policy', () => {
    const arn = managed('Mixed');
    const Condition = { StringEquals: { 'aws:RequestedRegion': 'eu-west-1' } };
    const text = policyText(
      allow(['s3:*'], ['arn:aws:s3:::orders', 'arn:aws:s3:::orders/*'], { Condition }),
      allow(['sqs:*', 'iam:ListRoles']),
    );
    const { policies, proposed } = suggest(
      inputOf({ [arn]: text }, [[s3Lists, unusedSqs, { service: 'iam', actions: [] }]]),
    );
    expect(policies).toEqual([
      {
        policy: arn,
        advice: 'narrow',
        reason: '3 of its 9 actions may be in use, which statements allow',
        allowedActions: 9,
        actionsThatMayBeUsed: 3,
        unusedServices: ['iam', 'sqs'],
      },
    ]);
    expect(proposed?.aws).toEqual({
      policyArns: [],
      statements: [
        {
          actions: ['s3:GetObject', 's3:ListAllMyBuckets', 's3:PutObject'],
          resources: ['arn:aws:s3:::orders', 'arn:aws:s3:::orders/*'],
          conditions: { StringEquals: { 'aws:RequestedRegion': ['eu-west-1'] } },
        },
      ],
    });
  });

  it('keeps a policy if more than half of its actions may be in use', () => {
    const text = policyText(allow(['s3:GetObject', 's3:PutObject', 's3:CreateBucket']));
    const { policies, proposed } = suggest(inputOf({ [s3Full]: text }, [[s3Lists]]));
    expect(policies[0]).toMatchObject({ advice: 'keep', reason: '2 of its 3 actions may be in use' });
    expect(proposed).toBeUndefined();
  });

  it('counts an action as used if one of several roles used it', () => {
    const unused = [{ service: 's3', actions: [] }, unusedSqs];
    const used = [
      { service: 's3', actions: [] },
      { ...unusedSqs, lastAccessed: recently },
    ];
    const advice = suggest(inputOf(documents, [unused, used])).policies.map((each) => each.advice);
    expect(advice).toEqual(['remove', 'keep']);
  });

  it('never removes iam:PassRole, whose use IAM does not report', () => {
    const arn = managed('IAMFullAccess');
    const { proposed } = suggest(
      inputOf({ [arn]: policyText(allow(['iam:*'])) }, [[s3Lists, { service: 'iam', actions: [] }]]),
    );
    expect(proposed?.aws.statements).toEqual([{ actions: ['iam:PassRole'], resources: ['*'] }]);
  });

  it('replaces a policy by a smaller AWS managed policy, listed by ARN or by name like the replaced policy', () => {
    const text = policyText(allow(['sqs:*', 'iam:GetRole', 'iam:ListRoles', 'iam:CreateRole']));
    const iamReads: RoleLastAccessed[number] = {
      service: 'iam',
      lastAccessed: recently,
      actions: [
        { name: 'CreateRole' },
        { name: 'GetRole', lastAccessed: recently },
        { name: 'ListRoles', lastAccessed: recently },
      ],
    };
    const catalogue = () => [
      {
        arn: managed('Wider'),
        document: policyText(allow(['iam:GetRole', 'iam:ListRoles', 's3:GetObject'])),
      },
      { arn: managed('TooSmall'), document: policyText(allow(['iam:GetRole'])) },
      {
        arn: managed('Denies'),
        document: policyText(allow(['iam:*Role*']), { Effect: 'Deny', Action: '*', Resource: '*' }),
      },
      {
        arn: managed('aws-service-role/Linked'),
        document: policyText(allow(['iam:GetRole', 'iam:ListRoles'])),
      },
      { arn: managed('Reads'), document: policyText(allow(['iam:GetRole', 'iam:ListRoles'])) },
    ];
    const reports = [[iamReads, unusedSqs]];
    const byArn = suggest(inputOf({ [managed('Large')]: text }, reports, { catalogue }));
    expect(byArn.policies[0]).toMatchObject({ advice: 'replace', by: managed('Reads') });
    expect(byArn.proposed?.aws).toEqual({ policyArns: [managed('Reads')] });
    const byName = suggest(
      inputOf({}, reports, {
        catalogue,
        aws: { policyNames: ['aws/Large'] },
        documents: new Map([[managed('Large'), text]]),
      }),
    );
    expect(byName.proposed?.aws).toEqual({ policyNames: ['aws/Reads'] });
    const fenced = suggest(
      inputOf({ [managed('Large')]: text }, reports, {
        catalogue,
        facts: { ...facts, allowedPolicyArns: [managed('Large')] },
      }),
    );
    expect(fenced.policies[0]).toMatchObject({ advice: 'narrow' });
  });

  it.each([
    [
      'denies',
      [allow(['sqs:*']), { Effect: 'Deny', Action: 's3:*', Resource: '*' }],
      'the policy denies actions',
    ],
    [
      'uses NotResource',
      [{ Effect: 'Allow', Action: 's3:*', NotResource: 'arn:aws:s3:::x' }],
      'the policy has elements that statements of an account cannot express',
    ],
    [
      'has a placeholder as text',
      [allow(['s3:*'], 'arn:aws:s3:::$(account)')],
      'the policy has elements that statements of an account cannot express',
    ],
  ])('keeps a policy that %s', (_title, statements, reason) => {
    const { policies, proposed } = suggest(
      inputOf({ [s3Full]: policyText(...statements) }, [[s3Lists, unusedSqs]]),
    );
    expect(policies[0]).toMatchObject({ advice: 'keep', reason: expect.stringContaining(reason) });
    expect(proposed).toBeUndefined();
  });

  it('keeps a policy that could not be read', () => {
    expect(suggest(inputOf(documents, [[s3Lists, unusedSqs]], { documents: new Map() })).policies).toEqual([
      { policy: s3Full, advice: 'keep', reason: 'the policy could not be read', unusedServices: [] },
      { policy: sqsFull, advice: 'keep', reason: 'the policy could not be read', unusedServices: [] },
    ]);
  });

  it('suggests no statements if the cluster does not allow them, and gives the reason', () => {
    const { policies, proposed } = suggest(
      inputOf({ [s3Full]: documents[s3Full] ?? '' }, [[s3Lists]], {
        facts: { ...facts, allowsStatements: false },
      }),
    );
    expect(policies[0]).toMatchObject({
      advice: 'keep',
      reason:
        '3 of its 6 actions may be in use, but the ClusterConfig "main" does not allow statements; set spec.aws.allowStatements',
    });
    expect(proposed).toBeUndefined();
  });

  it('lists the used services for a policy that allows all actions, or all actions except some', () => {
    const report = [s3Lists, unusedSqs, { service: 'iam', actions: [] }];
    const all = suggest(inputOf({ [managed('All')]: policyText(allow(['*'])) }, [report]));
    expect(all.proposed?.aws.statements?.[0]?.actions).toEqual([
      's3:GetObject',
      's3:ListAllMyBuckets',
      's3:PutObject',
      'iam:PassRole',
    ]);
    const but = policyText({ Effect: 'Allow', NotAction: ['iam:*', 's3:Put*'], Resource: '*' });
    const most = suggest(inputOf({ [managed('Most')]: but }, [report]));
    expect(most.proposed?.aws.statements?.[0]?.actions).toEqual(['s3:GetObject', 's3:ListAllMyBuckets']);
  });

  it("narrows the account's own statements, and omits unused statements", () => {
    const { statements, proposed } = suggest(
      inputOf({}, [[s3Lists, unusedSqs]], {
        aws: {
          statements: [
            { sid: 'Jobs', actions: ['sqs:SendMessage'], resources: ['arn:$(partition):sqs:::jobs'] },
            { actions: ['s3:ListAllMyBuckets', 's3:CreateBucket'], resources: ['*'] },
            { actions: ['s3:GetObject'], resources: ['*'] },
          ],
        },
      }),
    );
    expect(statements).toEqual([
      { statement: 'Jobs', advice: 'remove', removedActions: ['sqs:SendMessage'] },
      { statement: 'statements[1]', advice: 'narrow', removedActions: ['s3:CreateBucket'] },
      { statement: 'statements[2]', advice: 'keep', removedActions: [] },
    ]);
    expect(proposed?.aws.statements).toEqual([
      { actions: ['s3:ListAllMyBuckets'], resources: ['*'] },
      { actions: ['s3:GetObject'], resources: ['*'] },
    ]);
  });

  it('gives only one piece of advice for a policy that the account lists in two spellings', () => {
    const { proposed } = suggest(
      inputOf({ [s3Full]: documents[s3Full] ?? '' }, [[s3Lists]], {
        aws: { policyNames: ['aws/AmazonS3FullAccess'] },
      }),
    );
    expect(proposed?.aws.policyArns).toEqual([]);
    expect(proposed?.aws.statements).toHaveLength(1);
  });
});
