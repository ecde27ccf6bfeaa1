/**
 * Fences the operator where RBAC cannot: RBAC knows no namespaces by label, no audience of a token and no part of an
 * object. Whoever holds the operator's token can so neither reach into namespaces that are no targets, nor make tokens for
 * anything but a proof, nor give an account what nobody with the right to it wrote.
 */
import { linkedServiceAccounts, stsAudience, targetLabel } from '../api/index.ts';
import { admissionPolicy, type AdmissionPolicy } from './admission-policy.ts';
import { targetWrites } from './operator-rules.ts';

/** What EKS Pod Identity expects in a token, which it takes only when a pod is named in it. */
const podIdentityAudience = 'pods.eks.amazonaws.com';

/** The shortest life that the API server gives a token. Source: TokenRequest, expirationSeconds. Seconds. */
const longestToken = 600;

const isOperator = (username: string): { readonly name: string; readonly expression: string } => ({
  name: 'is-the-operator',
  expression: `request.userInfo.username == '${username}'`,
});

/** @param username of the operator's ServiceAccount: `system:serviceaccount:NAMESPACE:NAME` */
export function tokenPolicy(username: string): AdmissionPolicy {
  return admissionPolicy('operator-tokens.k11n.dev', {
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: [''],
          apiVersions: ['*'],
          operations: ['CREATE'],
          resources: ['serviceaccounts/token'],
        },
      ],
    },
    matchConditions: [isOperator(username)],
    validations: [
      {
        expression: `object.spec.audiences == ['${stsAudience}'] || (object.spec.audiences == ['${podIdentityAudience}'] && object.spec.?boundObjectRef.?kind.orValue('') == 'Pod')`,
        message: `the operator may only request tokens for ${stsAudience}, and for ${podIdentityAudience} when they are bound to a pod`,
        reason: 'Forbidden',
      },
      {
        expression: `object.spec.expirationSeconds <= ${longestToken}`,
        message: `the operator may only request tokens that expire within ${longestToken} seconds`,
        reason: 'Forbidden',
      },
    ],
  });
}

/** @param operator where its ServiceAccount is */
export function confinementPolicy(operator: {
  readonly username: string;
  readonly namespace: string;
}): AdmissionPolicy {
  return admissionPolicy('operator-confinement.k11n.dev', {
    matchConstraints: {
      resourceRules: [
        ...targetWrites.map(({ apiGroups, resources }) => ({
          apiGroups,
          apiVersions: ['*'],
          operations: ['CREATE', 'UPDATE', 'DELETE'] as const,
          resources,
        })),
        { apiGroups: [''], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: ['namespaces'] },
        {
          apiGroups: [linkedServiceAccounts.group],
          apiVersions: ['*'],
          operations: ['CREATE', 'UPDATE'],
          resources: [linkedServiceAccounts.plural],
        },
      ],
    },
    matchConditions: [isOperator(operator.username)],
    variables: [
      { name: 'kind', expression: "request.resource.group + '/' + request.resource.resource" },
      { name: 'isNamespace', expression: "variables.kind == '/namespaces'" },
      {
        name: 'isAccount',
        expression: `variables.kind == '${linkedServiceAccounts.group}/${linkedServiceAccounts.plural}'`,
      },
    ],
    validations: [
      {
        expression: `variables.isNamespace || variables.isAccount || '${targetLabel}' in namespaceObject.metadata.?labels.orValue({})`,
        message: `the operator may only write into namespaces with the label ${targetLabel}`,
        reason: 'Forbidden',
      },
      {
        expression: `!variables.isNamespace || !(object.metadata.name.startsWith('kube-') || object.metadata.name == '${operator.namespace}')`,
        message: "namespaces of Kubernetes and the operator's own cannot be targets",
        reason: 'Forbidden',
      },
      {
        expression:
          "variables.kind != '/pods' || request.?subResource.orValue('') != '' || request.?dryRun.orValue(false)",
        message: 'the operator makes no pods: it may only ask, in a dry run, what one would get',
        reason: 'Forbidden',
      },
      {
        expression: '!variables.isAccount || (oldObject != null && object.spec == oldObject.spec)',
        message: 'the operator may not change what an account asks for',
        reason: 'Forbidden',
      },
    ],
  });
}
