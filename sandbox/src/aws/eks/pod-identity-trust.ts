/**
 * Checks whether a role trusts EKS Pod Identity: its trust policy must allow `sts:AssumeRole` and
 * `sts:TagSession` to EKS's service principal, with the condition keys that EKS sets.
 * https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
 */
import type { Role } from '../iam/model.ts';
import { evaluateTrust } from '../../../../src/policy/evaluate.ts';
import type { RequestContext } from '../../../../src/policy/model.ts';
import type { Association, EksState } from './state.ts';

export type SessionTags = Readonly<Record<string, string>>;

const principal = { type: 'Service', values: ['pods.eks.amazonaws.com'] } as const;

/** Session tags that EKS sets: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html */
export function sessionTags(
  association: Pick<Association, 'clusterName' | 'namespace' | 'serviceAccount' | 'disableSessionTags'>,
  pod: { readonly name: string; readonly uid: string } | undefined,
  eks: EksState,
): SessionTags {
  if (association.disableSessionTags) return {};
  return {
    'eks-cluster-arn': eks.clusterArn(association.clusterName),
    'eks-cluster-name': association.clusterName,
    'kubernetes-namespace': association.namespace,
    'kubernetes-service-account': association.serviceAccount,
    ...(pod ? { 'kubernetes-pod-name': pod.name, 'kubernetes-pod-uid': pod.uid } : {}),
  };
}

/**
 * Condition keys that EKS sets in its own request to STS. Other condition keys of the original caller do not apply to
 * that request.
 */
const own = ['aws:CurrentTime', 'aws:EpochTime', 'aws:RequestedRegion', 'aws:SecureTransport'];

/** @param context condition keys of the call that causes EKS to assume the role */
export function trustsPodIdentity(
  role: Role,
  clusterName: string,
  tags: SessionTags,
  eks: EksState,
  context: RequestContext,
): boolean {
  const keys = Object.keys(tags);
  const brought: RequestContext = {
    ...Object.fromEntries(Object.entries(context).filter(([key]) => own.includes(key))),
    'aws:PrincipalIsAWSService': 'true',
    'aws:PrincipalServiceName': principal.values[0],
    'aws:SourceArn': eks.clusterArn(clusterName),
    'aws:SourceAccount': eks.accountId,
    ...Object.fromEntries(keys.map((key) => [`aws:RequestTag/${key}`, tags[key] ?? ''])),
    ...(keys.length === 0 ? {} : { 'aws:TagKeys': keys, 'sts:TransitiveTagKeys': keys }),
  };
  const actions = ['sts:AssumeRole', 'sts:TagSession'];
  return actions.every(
    (action) =>
      evaluateTrust({ action, principal, context: brought }, role.trust.document).decision === 'allowed',
  );
}
