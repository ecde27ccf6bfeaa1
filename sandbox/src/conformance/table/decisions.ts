/**
 * Decisions of the policy simulator, each about one statement, for parts of the policy language that are easy to
 * misread.
 */
import { SimulateCustomPolicyCommand } from '@aws-sdk/client-iam';
import { answer, failure } from '../scenario.ts';
import type { Scenario, Scenarios } from '../scenario.ts';
import { missingOperation } from './differences.ts';
import { policyText } from '../place.ts';

type Question = {
  readonly action: string;
  readonly resource: string;
  /** Condition keys with their values, which are strings or lists of strings. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
};

function decides(
  name: string,
  statement: object | readonly object[],
  { action, resource, context = {} }: Question,
  decision: 'allowed' | 'implicitDeny' | 'explicitDeny',
): Scenario {
  const ask = new SimulateCustomPolicyCommand({
    PolicyInputList: [policyText(statement)],
    ActionNames: [action],
    ResourceArns: [resource],
    ContextEntries: Object.entries(context).map(([ContextKeyName, values]) => ({
      ContextKeyName,
      ContextKeyValues: [values].flat(),
      ContextKeyType: typeof values === 'string' ? 'string' : 'stringList',
    })),
  });
  const gives = answer({ EvaluationResults: [{ EvalActionName: action, EvalDecision: decision }] });
  return { name, steps: [{ iam: ask, gives, moto: missingOperation }] };
}

const send: Question = {
  action: 'sqs:SendMessage',
  resource: 'arn:aws:sqs:eu-west-1:123456789012:jobs',
};
const all = { Effect: 'Allow', Action: '*', Resource: '*' };

export const decisionScenarios: Scenarios = () => [
  decides(
    'an ARN without its last segments matches every value of the missing segments',
    { Effect: 'Allow', Action: 'sqs:*', Resource: 'arn:aws:sqs' },
    send,
    'allowed',
  ),
  decides(
    'a deny for an ARN without its last segments applies to every value of the missing segments',
    [all, { Effect: 'Deny', Action: 'sqs:*', Resource: 'arn:aws:sqs:eu-west-1' }],
    send,
    'explicitDeny',
  ),
  decides(
    'NotResource with an ARN without its last segments excludes every value of the missing segments',
    { Effect: 'Allow', Action: 'sqs:*', NotResource: 'arn:aws:sqs' },
    send,
    'implicitDeny',
  ),
  decides(
    'a policy variable before the fifth colon of an ARN matches nothing',
    {
      Effect: 'Allow',
      Action: 'sqs:*',
      Resource: 'arn:aws:sqs:${aws:PrincipalTag/region}:123456789012:jobs',
    },
    { ...send, context: { 'aws:PrincipalTag/region': 'eu-west-1' } },
    'implicitDeny',
  ),
  decides(
    'the value of a policy variable cannot fill several segments of an ARN',
    { Effect: 'Allow', Action: 'sqs:*', Resource: 'arn:aws:sqs:${aws:PrincipalTag/place}:jobs' },
    { ...send, context: { 'aws:PrincipalTag/place': 'eu-west-1:123456789012' } },
    'implicitDeny',
  ),
  decides(
    'a policy variable after the fifth colon of an ARN is replaced by its value',
    { Effect: 'Allow', Action: 'sqs:*', Resource: 'arn:aws:sqs:*:*:${aws:PrincipalTag/queue}' },
    { ...send, context: { 'aws:PrincipalTag/queue': 'jobs' } },
    'allowed',
  ),
  decides(
    'ForAnyValue with IfExists does not match if the key is absent',
    { ...all, Condition: { 'ForAnyValue:StringEqualsIfExists': { 'aws:TagKeys': 'team' } } },
    send,
    'implicitDeny',
  ),
  decides(
    'ForAllValues matches if the key is absent',
    { ...all, Condition: { 'ForAllValues:StringEquals': { 'aws:TagKeys': 'team' } } },
    send,
    'allowed',
  ),
  decides(
    'ForAllValues with Null set to false does not match if the key is absent',
    {
      ...all,
      Condition: {
        'ForAllValues:StringEquals': { 'aws:TagKeys': 'team' },
        Null: { 'aws:TagKeys': 'false' },
      },
    },
    send,
    'implicitDeny',
  ),
  {
    name: 'the simulator refuses a malformed policy and requires an action',
    steps: [
      {
        iam: new SimulateCustomPolicyCommand({ PolicyInputList: ['{'], ActionNames: ['sqs:SendMessage'] }),
        gives: failure('InvalidInput', 400),
        moto: missingOperation,
      },
      {
        iam: new SimulateCustomPolicyCommand({
          PolicyInputList: [policyText(all)],
          ActionNames: undefined,
        }),
        gives: failure('ValidationError', 400, /actionNames/),
        moto: missingOperation,
      },
    ],
  },
];
