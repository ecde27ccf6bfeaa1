/**
 * Types of ValidatingAdmissionPolicies, with only the fields that this project uses, and CEL expressions that check a
 * user's rights.
 */
import { accountLabel } from '../api/index.ts';

export type MatchRule = {
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly operations: readonly ('CREATE' | 'UPDATE' | 'DELETE')[];
  readonly resources: readonly string[];
  /** Names of the objects that the rule matches. Default: all objects. */
  readonly resourceNames?: readonly string[];
};

/** CEL expression with the name by which other expressions and messages refer to it. */
export type NamedExpression = { readonly name: string; readonly expression: string };

export type Validation = {
  readonly expression: string;
  /** Message if the API server cannot evaluate `messageExpression`. */
  readonly message: string;
  readonly messageExpression?: string;
  readonly reason: 'Forbidden' | 'Invalid';
};

export type AdmissionPolicy = {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'ValidatingAdmissionPolicy';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly failurePolicy: 'Fail' | 'Ignore';
    /**
     * Kind of the parameters. A request is admitted only if the policy admits it with every parameter object that the
     * binding selects.
     */
    readonly paramKind?: { readonly apiVersion: string; readonly kind: keyof typeof paramRefs };
    readonly matchConstraints: {
      readonly resourceRules: readonly MatchRule[];
      readonly objectSelector?: {
        readonly matchExpressions: readonly { readonly key: string; readonly operator: 'Exists' }[];
      };
    };
    readonly matchConditions?: readonly NamedExpression[];
    readonly variables?: readonly NamedExpression[];
    readonly validations: readonly Validation[];
  };
};

/**
 * References to the parameter objects of admission policies, by kind. For a namespaced kind, a reference selects
 * objects in the namespace of the request.
 */
export const paramRefs = {
  ClusterConfig: { selector: {}, parameterNotFoundAction: 'Deny' },
  /** Selects the ServiceAccounts that are not linked to an account. */
  ServiceAccount: {
    selector: { matchExpressions: [{ key: accountLabel, operator: 'DoesNotExist' }] },
    parameterNotFoundAction: 'Allow',
  },
} as const;

export type AdmissionPolicyBinding = {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'ValidatingAdmissionPolicyBinding';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly policyName: string;
    readonly paramRef?: (typeof paramRefs)[keyof typeof paramRefs];
    readonly validationActions: readonly ['Deny'];
  };
};

/**
 * Creates a policy. The API server cannot evaluate a policy with a `paramKind` while the kind is not served, its
 * objects are not cached yet, or none exists. It then applies `failurePolicy` without evaluating the match conditions:
 * `Fail` refuses, for every user, all requests that the match constraints cover.
 */
export function admissionPolicy(
  name: string,
  spec: Omit<AdmissionPolicy['spec'], 'failurePolicy'> & {
    /** Handling of evaluation errors. Default: `Fail`. */
    readonly failurePolicy?: AdmissionPolicy['spec']['failurePolicy'];
  },
): AdmissionPolicy {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: { failurePolicy: 'Fail', ...spec },
  };
}

export function bindingOf({
  metadata: { name },
  spec: { paramKind },
}: AdmissionPolicy): AdmissionPolicyBinding {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: {
      policyName: name,
      ...(paramKind ? { paramRef: paramRefs[paramKind.kind] } : {}),
      validationActions: ['Deny'],
    },
  };
}

/**
 * Whether a policy or its binding refers to parameters. Policies with parameters are applied after the CRDs, because an
 * API server that does not find a kind looks for the kind again only after 30 seconds. Source: `discoveryRESTMapper` in
 * k8s.io/apiserver/pkg/server/options.
 */
export function hasParameters({ spec }: AdmissionPolicy | AdmissionPolicyBinding): boolean {
  return 'paramKind' in spec || 'paramRef' in spec;
}

/**
 * Right that only admission policies check. The `resourceNames` of an RBAC rule with this verb and resource are the
 * names that the right applies to, such as policies, targets, roles or tags.
 */
export type NamedRight = {
  readonly verb: string;
  /** Plural of the resource in the group k11n.dev. */
  readonly resource: string;
};

/**
 * Returns one validation per position in a list of names. Each validation requires that the user has the right to the
 * name at its position. A single expression with a loop is not possible, because each authorizer check costs 350,000 of
 * the 1,000,000 cost units that one expression may use. The 10,000,000 units of a whole policy are enough for `slots`
 * checks.
 * https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library
 * @param names a CEL expression for the list of requested names; only the first `slots` names are checked
 * @param may a CEL expression for the action in the message "user … is not permitted to …"; `NAME` in it stands for the
 * name
 * @param unordered whether the list consists of the keys of a map. The order of the keys can differ when the API server
 * evaluates the message, so the message lists all names
 */
export function rightToEach(
  { verb, resource }: NamedRight,
  {
    names,
    slots,
    may,
    unordered = false,
  }: {
    readonly names: string;
    readonly slots: number;
    readonly may: string;
    readonly unordered?: boolean;
  },
): readonly Validation[] {
  return Array.from({ length: slots }, (_, slot): Validation => {
    const name = `${names}[${slot}]`;
    const shown = unordered ? `${names}.join(', ')` : name;
    const rights = unordered ? `${names}.join(', ${resource}.k11n.dev/')` : name;
    return {
      expression: `size(${names}) <= ${slot} || authorizer.group('k11n.dev').resource('${resource}').name(${name}).check('${verb}').allowed()`,
      message: `the verb ${verb} on ${resource}.k11n.dev is needed`,
      messageExpression: `'user ' + request.userInfo.username + ' is not permitted to ' + ${may.replaceAll('NAME', shown)} + ': ask for the verb ${verb} on ${resource}.k11n.dev/' + ${rights}`,
      reason: 'Forbidden',
    };
  });
}

/**
 * Returns a rule that matches requests for resources of one API group, in every version of the group.
 *
 * @param resourceNames names of the objects that the rule matches; default: all objects
 */
export function matchRule(
  operations: MatchRule['operations'],
  group: string,
  resources: readonly string[],
  resourceNames?: readonly string[],
): MatchRule {
  return {
    apiGroups: [group],
    apiVersions: ['*'],
    operations,
    resources,
    ...(resourceNames ? { resourceNames } : {}),
  };
}

/** Requests that create or change objects of a kind. */
export function writesOf(kind: {
  readonly group: string;
  readonly plural: string;
}): AdmissionPolicy['spec']['matchConstraints'] {
  return { resourceRules: [matchRule(['CREATE', 'UPDATE'], kind.group, [kind.plural])] };
}

/** Matches changes of the spec. Metadata, such as finalizers and labels, grants no permission. */
export const specChanges = {
  name: 'spec-changes',
  expression: 'oldObject == null || object.spec != oldObject.spec',
} as const;

export const variable = (name: string, expression: string): NamedExpression => ({ name, expression });

/**
 * CEL expression for the names in the new list that are not in the old list, or `*` for very long lists. Comparing very
 * long lists could exceed the cost limit of an expression, or leave no room for the authorizer checks of the policy.
 */
export const added = (now: string, before: string): string =>
  `${now} == ${before} ? [] : size(${now}) * size(${before}) > 500000 ? ['*'] : ${now}.filter(name, !(name in ${before}))`;

/** CEL expression: whether an update sets, changes or removes a field of the spec. The field may be absent. */
export const changed = (path: string): string => {
  const at = (of: string): string => `${of}.spec.${path.replace(/(\w+)$/, '?$1')}`;
  return `${at('object')} != ${at('oldObject')}`;
};

/** Maximum number of tags that one request may change without the right to all tags. */
export const tagSlots = 20;

/**
 * CEL variables for changed tags. The last variable, `askedTags`, lists the keys of tags that the request sets, changes
 * or removes.
 *
 * @param now a CEL expression for the optional map of tags
 * @param before the same expression for the old object
 */
export const changedTags = (now: string, before: string): readonly NamedExpression[] => [
  variable('tags', `${now}.orValue({})`),
  variable('tagsBefore', `oldObject == null ? {} : ${before}.orValue({})`),
  variable(
    'changedTags',
    'variables.tags.filter(key, !(key in variables.tagsBefore) || variables.tagsBefore[key] != variables.tags[key]) + variables.tagsBefore.filter(key, !(key in variables.tags))',
  ),
  variable('askedTags', `size(variables.changedTags) > ${tagSlots} ? ['*'] : variables.changedTags`),
];
