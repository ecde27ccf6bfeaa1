/** The policy simulator: evaluates policies without executing a call. */
import { parsePolicyDocument } from '../../../../src/policy/document.ts';
import { evaluateIdentity } from '../../../../src/policy/evaluate.ts';
import type {
  Evaluation,
  IdentityPolicies,
  PolicySource,
  RequestContext,
} from '../../../../src/policy/model.ts';
import type { QueryResult } from '../wire/query-service.ts';
import type { Field, InputOf } from '../wire/shape.ts';
import { list, optional, shape, structure, text } from '../wire/shape.ts';
import type { XmlValue } from '../wire/xml.ts';
import type { IamAction } from './env.ts';
import { iamAction } from './env.ts';
import { invalidInput, noSuchEntity } from './errors.ts';
import * as fields from './fields.ts';
import { pageOf } from './paging.ts';
import type { IamState } from './state.ts';

const actionName: Field<string> = text({ min: 3, max: 128 });

const contextEntry = shape({
  ContextKeyName: text({ min: 5, max: 256 }),
  ContextKeyValues: list(text()),
});

const simulationInput = {
  ActionNames: list(actionName, { required: true }),
  ResourceArns: list(text({ min: 1, max: 2048 })),
  PermissionsBoundaryPolicyInputList: list(fields.policyDocument, { max: 1 }),
  CallerArn: optional(text({ min: 1, max: 2048 })),
  ResourcePolicy: optional(fields.policyDocument),
  ContextEntries: list(structure(contextEntry)),
  ...fields.paging,
} as const;

type SimulationInput = InputOf<typeof simulationInput>;

const simulateCustomPolicy = iamAction({
  name: 'SimulateCustomPolicy',
  access: 'read',
  input: shape({ ...simulationInput, PolicyInputList: list(fields.policyDocument) }),
  subject: () => ({ arn: '*' }),
  run: (input) =>
    simulate(input, {
      identity: inputSources(input.PolicyInputList, 'PolicyInputList'),
      boundary: boundaryInput(input),
    }),
});

const simulatePrincipalPolicy = iamAction({
  name: 'SimulatePrincipalPolicy',
  access: 'read',
  input: shape({
    ...simulationInput,
    PolicySourceArn: fields.arn,
    PolicyInputList: list(fields.policyDocument),
  }),
  subject: (input) => ({ arn: input.PolicySourceArn }),
  run: (input, { state }) => {
    const principal = policiesOfPrincipal(input.PolicySourceArn, state);
    return simulate(input, {
      identity: [...principal.identity, ...inputSources(input.PolicyInputList, 'PolicyInputList')],
      boundary: boundaryInput(input) ?? principal.boundary,
    });
  },
});

/**
 * Returns the principal's policies. Inline policies are named as in the simulator, by the entity that contains them.
 */
function policiesOfPrincipal(arn: string, state: IamState): IdentityPolicies {
  const [, type, pathAndName = ''] = /:(user|role|group)\/(.+)$/.exec(arn) ?? [];
  if (type === undefined) {
    throw invalidInput(`Invalid Entity Arn: ${arn} does not clearly define entity type and name.`);
  }
  const name = pathAndName.slice(pathAndName.lastIndexOf('/') + 1);
  const role = type === 'role' ? state.role(name) : undefined;
  const entity = role ?? (type === 'user' ? state.user(name) : undefined);
  if (entity?.arn !== arn) throw noSuchEntity(`The ${type} with name ${name} cannot be found.`);
  const managed = state.managedSources(role?.attachedPolicies ?? []);
  return {
    identity: [
      ...managed.map((source) => ({ ...source, id: source.id.slice(source.id.lastIndexOf('/') + 1) })),
      ...entity.inlinePolicies.map((inline) => ({
        id: `${type}_${entity.name}_${inline.name}`,
        document: inline.policy.document,
      })),
    ],
    boundary: role?.boundaryArn === undefined ? undefined : state.managedSources([role.boundaryArn]),
  };
}

const inputSources = (documents: readonly string[], list: string): readonly PolicySource[] =>
  documents.map((document, index) => ({
    id: `${list}.${index + 1}`,
    document: readInput(document),
  }));

/** @throws InvalidInput instead of MalformedPolicyDocument, which is not a documented error of the simulator */
function readInput(document: string): PolicySource['document'] {
  const parsed = parsePolicyDocument(document, 'identity');
  if (!parsed.ok) throw invalidInput(parsed.message);
  return parsed.document;
}

const boundaryInput = (input: SimulationInput): readonly PolicySource[] | undefined =>
  input.PermissionsBoundaryPolicyInputList.length === 0
    ? undefined
    : inputSources(input.PermissionsBoundaryPolicyInputList, 'PermissionsBoundaryPolicyInputList');

function simulate(input: SimulationInput, policies: IdentityPolicies): QueryResult {
  if (input.ResourcePolicy !== undefined)
    throw invalidInput('The emulator does not simulate resource policies.');
  for (const action of input.ActionNames) {
    if (!/^[\w-]+:[\w*?-]+$/.test(action))
      throw invalidInput(`Invalid Action Name: ${action} does not match the required format`);
  }
  const context: RequestContext = Object.fromEntries(
    input.ContextEntries.map((entry) => [entry.ContextKeyName, entry.ContextKeyValues]),
  );
  const resources = input.ResourceArns.length > 0 ? input.ResourceArns : ['*'];
  const cases = input.ActionNames.flatMap((action) => resources.map((resource) => ({ action, resource })));
  const page = pageOf(input, (after) =>
    cases
      .map((one, index) => [String(index).padStart(6, '0'), one] as const)
      .filter(([key]) => after === undefined || key > after),
  );
  return {
    EvaluationResults: page.items.map(({ action, resource }) =>
      renderEvaluation(action, resource, evaluateIdentity({ action, resource, context }, policies), policies),
    ),
    ...page.end,
  };
}

function renderEvaluation(
  action: string,
  resource: string,
  evaluation: Evaluation,
  policies: IdentityPolicies,
): XmlValue {
  return {
    EvalActionName: action,
    EvalResourceName: resource,
    EvalDecision: evaluation.decision,
    MatchedStatements: evaluation.by.map((statement) => ({
      SourcePolicyId: statement.policy,
      SourcePolicyType: 'IAM Policy',
    })),
    MissingContextValues: evaluation.missingContextKeys,
    PermissionsBoundaryDecisionDetail: policies.boundary && {
      AllowedByPermissionsBoundary:
        !evaluation.notAllowedBy.includes('boundary') &&
        !evaluation.by.some(({ layer }) => layer === 'boundary' && evaluation.decision === 'explicitDeny'),
    },
  };
}

export const simulationActions: readonly IamAction[] = [simulateCustomPolicy, simulatePrincipalPolicy];
