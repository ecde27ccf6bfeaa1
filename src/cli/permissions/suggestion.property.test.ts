import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { policyEntries } from '../../identity/desired/policy-entries.ts';
import { statementsDocument } from '../../identity/desired/statements.ts';
import type { LinkedServiceAccountSpec, PermissionStatement } from '../../api/linked-service-account.ts';
import { parsePolicyDocument } from '../../policy/document.ts';
import { evaluateIdentity } from '../../policy/evaluate.ts';
import type { RoleLastAccessed } from '../../policy/last-accessed.ts';
import type { PolicySource } from '../../policy/model.ts';
import { suggest } from './suggestion.ts';
import {
  facts,
  inputOf,
  knownActions,
  longAgo,
  managed,
  policyText,
  recently,
  reference,
} from './testing/suggestion-input.ts';

const often = <T>(usual: T, rare: T): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constant(rare) });
const pattern = fc.constantFrom(
  '*',
  's3:*',
  's3:Get*',
  'S3:putobject',
  's3:?????ucket',
  's3:CreateBucket',
  'sqs:*',
  'sqs:SendMessage',
  'iam:*',
  'iam:Pass*',
  'unknown:Read',
);
const resource = fc.constantFrom(
  '*',
  'arn:aws:s3:::a',
  'arn:aws:s3:::${aws:PrincipalTag/team}',
  'arn:aws:sqs:*:*:q',
);
const condition = fc.constantFrom(
  undefined,
  undefined,
  { StringEquals: { 'aws:PrincipalTag/team': 'a' } },
  { 'ForAnyValue:StringLikeIfExists': { 'aws:PrincipalTag/team': ['a*', 'b'] } },
);
const statement = fc
  .tuple(
    often('Allow', 'Deny'),
    often('Action', 'NotAction'),
    fc.array(pattern, { minLength: 1, maxLength: 3 }),
    often('Resource', 'NotResource'),
    fc.array(resource, { minLength: 1, maxLength: 2 }),
    condition,
  )
  .map(([Effect, action, patterns, on, resources, Condition]) => ({
    Effect,
    [action]: patterns,
    [on]: resources,
    ...(Condition ? { Condition } : {}),
  }));
const text = fc
  .tuple(often('2012-10-17', '2008-10-17'), fc.array(statement, { minLength: 1, maxLength: 3 }))
  .map(([Version, Statement]) => JSON.stringify({ Version, Statement }));
const own: fc.Arbitrary<PermissionStatement> = fc.record({
  actions: fc.uniqueArray(fc.constantFrom('s3:*', 's3:GetObject', 's3:CreateBucket', 'sqs:*', 'iam:*'), {
    minLength: 1,
    maxLength: 3,
  }),
  resources: fc.constantFrom(['*'], ['arn:$(partition):s3:::a']),
});

const time = fc.constantFrom(undefined, longAgo, recently);
const accessed = (lastAccessed: string | undefined): { lastAccessed?: string } =>
  lastAccessed === undefined ? {} : { lastAccessed };
const service = (name: string): fc.Arbitrary<RoleLastAccessed> =>
  fc
    .tuple(
      often(true, false),
      time,
      fc.subarray([...(reference.actions(name)?.values() ?? [])].map((action) => action.name)),
      fc.array(time, { minLength: 6, maxLength: 6 }),
    )
    .map(([isReported, last, tracked, times]) =>
      isReported
        ? [
            {
              service: name,
              ...accessed(last),
              actions: tracked.map((action, index) => ({ name: action, ...accessed(times[index]) })),
            },
          ]
        : [],
    );
const report = fc.tuple(service('s3'), service('iam'), service('sqs')).map((each) => each.flat());

const catalogue = [
  ...knownActions.map((action) => ({
    arn: managed(action.replace(':', '-')),
    document: policyText({ Effect: 'Allow', Action: action, Resource: '*' }),
  })),
  { arn: managed('Reads'), document: policyText({ Effect: 'Allow', Action: ['s3:Get*'], Resource: '*' }) },
  {
    arn: managed('Sends'),
    document: policyText({ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: '*' }),
  },
  {
    arn: managed('Team'),
    document: policyText({
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject'],
      Resource: '*',
      Condition: { StringEquals: { 'aws:PrincipalTag/team': ['a'] } },
    }),
  },
];

const scenario = fc.record({
  texts: fc.array(text, { minLength: 1, maxLength: 3 }),
  own: fc.array(own, { maxLength: 2 }),
  reports: fc.array(report, { minLength: 1, maxLength: 2 }),
});
const context = fc.constantFrom({}, { 'aws:PrincipalTag/team': 'a' }, { 'aws:PrincipalTag/team': 'ab' });
const request = fc.record({
  action: fc.constantFrom(...knownActions),
  resource: fc.constantFrom('*', 'arn:aws:s3:::a', 'arn:aws:s3:::ab', 'arn:aws:sqs:eu-west-1:1:q'),
  context,
});

function sourcesOf(
  aws: LinkedServiceAccountSpec['aws'],
  documents: ReadonlyMap<string, string>,
): readonly PolicySource[] {
  const texts = policyEntries(aws).map((arn) => documents.get(arn) ?? '');
  const { statements = [] } = aws;
  if (statements.length > 0) texts.push(statementsDocument(statements, facts));
  return texts.map((each, index) => {
    const parsed = parsePolicyDocument(each, 'identity');
    if (!parsed.ok) throw new Error(`${parsed.message}: ${each}`);
    return { id: String(index), document: parsed.document };
  });
}

const kinds = { remove: 0, replace: 0, narrow: 0, keep: 0 };

test('a suggestion allows only what the account allows today, and includes everything that may be in use', () => {
  fc.assert(
    fc.property(
      scenario,
      fc.array(request, { minLength: 20, maxLength: 20 }),
      ({ texts, own: statements, reports }, requests) => {
        const given = Object.fromEntries(texts.map((each, index) => [managed(`P${index}`), each]));
        const input = inputOf(given, reports, {
          catalogue: () => catalogue,
          ...(statements.length > 0 ? { aws: { statements } } : {}),
        });
        const { policies, proposed } = suggest(input);
        for (const { advice } of policies) kinds[advice] += 1;
        if (proposed === undefined) return;
        const documents = new Map([
          ...Object.entries(given),
          ...catalogue.map(({ arn, document }) => [arn, document] as const),
        ]);
        const today = sourcesOf(input.account.spec.aws, documents);
        const then = sourcesOf(proposed.aws, documents);
        for (const asked of requests) {
          const before = evaluateIdentity(asked, { identity: today }).decision === 'allowed';
          const after = evaluateIdentity(asked, { identity: then }).decision === 'allowed';
          const [prefix = '', name = ''] = asked.action.split(':');
          const why = `${JSON.stringify(asked)} ${JSON.stringify(policies)} ${JSON.stringify(proposed.aws)}`;
          if (after) expect(before, `wider: ${why}`).toBe(true);
          else if (before) expect(input.usage.isUnused(prefix, name), `used: ${why}`).toBe(true);
        }
      },
    ),
    { numRuns: 6000 },
  );
  // The runs have to produce more than 20 suggestions of each kind, so that the property was tested for all kinds.
  expect(Math.min(...Object.values(kinds)), JSON.stringify(kinds)).toBeGreaterThan(20);
}, 60_000);
