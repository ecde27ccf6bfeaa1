/**
 * Pod Identity associations, which assign a role to the pods of a ServiceAccount.
 * https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html and the pages of the
 * related actions.
 */
import type { Requirement } from '../authorise.ts';
import {
  answer,
  changed,
  invalidParameter,
  optionalFlagMember,
  optionalTextMember,
  pageOf,
  textMember,
  type Json,
  type RestCall,
} from '../wire/rest-json-service.ts';
import { AwsError } from '../wire/service.ts';
import type { EksAction, EksEnv } from './env.ts';
import { sessionTags, trustsPodIdentity } from './pod-identity-trust.ts';
import type { Association } from './state.ts';
import { readTags, requestTagKeys, resourceTagKeys } from './tags.ts';

/**
 * Maximum number of associations per cluster. AWS does not raise this quota.
 * https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html, "Limits".
 */
const mostPerCluster = 5000;

type Call = RestCall<EksEnv>;

const ofCluster = ({ path: { cluster = '' }, env }: Call): string => env.eks.clusterArn(cluster);
const ofAssociation = ({ path: { cluster = '', id = '' }, env }: Call): string =>
  env.eks.associationArn(cluster, id);
const tagsOfAssociation = ({ path: { cluster = '', id = '' }, env }: Call): Requirement['context'] =>
  resourceTagKeys(env.eks.association(cluster, id)?.tags ?? {});

/** EKS passes the role to a service, so the caller needs iam:PassRole. */
const passRole = (roleArn: unknown): readonly Requirement[] =>
  typeof roleArn === 'string' && roleArn !== ''
    ? [
        {
          action: 'iam:PassRole',
          resource: roleArn,
          context: { 'iam:PassedToService': 'pods.eks.amazonaws.com' },
        },
        { action: 'iam:GetRole', resource: roleArn },
      ]
    : [];

const collection = /^\/clusters\/(?<cluster>[^/]+)\/pod-identity-associations\/?$/;
const single = /^\/clusters\/(?<cluster>[^/]+)\/pod-identity-associations\/(?<id>[^/]+)$/;

const createPodIdentityAssociation: EksAction = {
  name: 'CreatePodIdentityAssociation',
  access: 'write',
  method: 'POST',
  path: collection,
  subject: ofCluster,
  context: ({ body }) => requestTagKeys(body['tags']),
  requirements: (call) => [
    ...passRole(call.body['roleArn']),
    ...(call.body['tags'] === undefined
      ? []
      : [
          {
            action: 'eks:TagResource',
            resource: call.env.eks.associationArn(call.path['cluster'] ?? '', '*'),
            context: requestTagKeys(call.body['tags']),
          },
        ]),
  ],
  run: (call) => {
    const { body, request, env } = call;
    const { eks, identifiers } = env;
    const { name: clusterName } = eks.cluster(call.path['cluster'] ?? '');
    const namespace = kubernetesName(body, 'namespace', 63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    const serviceAccount = kubernetesName(
      body,
      'serviceAccount',
      253,
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    );
    const roleArn = textMember(body, 'roleArn');
    const disableSessionTags = optionalFlagMember(body, 'disableSessionTags') ?? false;
    const chained = chainedSettings(body, disableSessionTags);
    const tags = readTags(body['tags'] ?? {});
    const requestToken = optionalTextMember(body, 'clientRequestToken');
    const of = { clusterName, namespace, serviceAccount, disableSessionTags };
    checkRole(roleArn, of, call);

    const existing = eks.associationOf(clusterName, { namespace, serviceAccount });
    if (existing) {
      if (requestToken !== undefined && existing.requestToken === requestToken) {
        if (existing.roleArn === roleArn) return answer({ association: render(existing) });
        throw invalidParameter('The clientRequestToken was already used for a different request.');
      }
      throw new AwsError('ResourceInUseException', `Association already exists: ${existing.id}`, 409, {
        clusterName,
      });
    }
    if (eks.associations(clusterName).length >= mostPerCluster) {
      throw new AwsError(
        'ResourceLimitExceededException',
        `The cluster has the maximum number of ${mostPerCluster} pod identity associations.`,
        400,
        { clusterName },
      );
    }
    const id = identifiers.associationId();
    const association: Association = {
      ...of,
      ...chained,
      roleArn,
      id,
      arn: eks.associationArn(clusterName, id),
      tags,
      createdAt: request.now,
      modifiedAt: request.now,
      requestToken,
    };
    eks.put(association, request.now);
    return changed({ association: render(association) });
  },
};

const listPodIdentityAssociations: EksAction = {
  name: 'ListPodIdentityAssociations',
  access: 'read',
  method: 'GET',
  path: collection,
  subject: ofCluster,
  run: ({ path: { cluster = '' }, request: { query }, env: { eks } }) => {
    const { name } = eks.cluster(cluster);
    const namespace = query.get('namespace');
    const serviceAccount = query.get('serviceAccount');
    const found = eks
      .associations(name)
      .filter((association) => namespace === null || association.namespace === namespace)
      .filter((association) => serviceAccount === null || association.serviceAccount === serviceAccount);
    const { items, nextToken } = pageOf(
      found.map((association) => [association.id, association] as const),
      query,
    );
    return answer({ associations: items.map(renderSummary), nextToken });
  },
};

const describePodIdentityAssociation: EksAction = {
  name: 'DescribePodIdentityAssociation',
  access: 'read',
  method: 'GET',
  path: single,
  subject: ofAssociation,
  context: tagsOfAssociation,
  run: (call) => answer({ association: render(find(call)) }),
};

const updatePodIdentityAssociation: EksAction = {
  name: 'UpdatePodIdentityAssociation',
  access: 'write',
  method: 'POST',
  path: single,
  subject: ofAssociation,
  context: tagsOfAssociation,
  requirements: ({ body }) => passRole(body['roleArn']),
  run: (call) => {
    const { body, request, env } = call;
    const before = find(call);
    const roleArn = optionalTextMember(body, 'roleArn');
    const disableSessionTags = optionalFlagMember(body, 'disableSessionTags');
    if (roleArn === undefined && disableSessionTags === undefined && body['targetRoleArn'] === undefined)
      throw invalidParameter('At least one of roleArn, targetRoleArn and disableSessionTags must be given.');
    const association: Association = {
      ...before,
      ...chainedSettings(body, disableSessionTags ?? before.disableSessionTags, before),
      roleArn: roleArn ?? before.roleArn,
      disableSessionTags: disableSessionTags ?? before.disableSessionTags,
      modifiedAt: request.now,
    };
    checkRole(association.roleArn, association, call);
    env.eks.put(association, request.now);
    return changed({ association: render(association) });
  },
};

const deletePodIdentityAssociation: EksAction = {
  name: 'DeletePodIdentityAssociation',
  access: 'write',
  method: 'DELETE',
  path: single,
  subject: ofAssociation,
  context: tagsOfAssociation,
  run: (call) => {
    const association = find(call);
    call.env.eks.remove(association, call.request.now);
    return changed({ association: render(association) });
  },
};

export const associationActions: readonly EksAction[] = [
  createPodIdentityAssociation,
  listPodIdentityAssociations,
  describePodIdentityAssociation,
  updatePodIdentityAssociation,
  deletePodIdentityAssociation,
];

function find({ path: { cluster = '', id = '' }, env: { eks } }: Call): Association {
  const { name } = eks.cluster(cluster);
  const found = eks.association(name, id);
  if (!found) {
    throw new AwsError('ResourceNotFoundException', `No pod identity association found for id: ${id}`, 404, {
      clusterName: name,
    });
  }
  return found;
}

/** EKS checks the role before it validates anything else in the association. */
function checkRole(
  roleArn: string,
  of: Pick<Association, 'clusterName' | 'namespace' | 'serviceAccount' | 'disableSessionTags'>,
  { env, request }: Call,
): void {
  const { iam, eks, faults } = env;
  const [, accountId, name] = /^arn:[^:]+:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(roleArn) ?? [];
  if (accountId === undefined || name === undefined) throw invalidParameter('Invalid role ARN provided.');
  if (accountId !== iam.accountId)
    throw invalidParameter('Role provided in the request is not in the account of the cluster.');
  const role = iam.role(name, faults.authorisesAsOf(request.now));
  if (role?.arn !== roleArn) throw invalidParameter('Role provided in the request does not exist.');
  // The pod is not known yet, so conditions on tags that depend on the pod cannot match here.
  const tags = sessionTags(of, undefined, eks);
  if (!trustsPodIdentity(role, of.clusterName, tags, eks, request.context)) {
    throw invalidParameter(
      'Trust policy of the role provided is invalid. Follow the official documentation to resolve the issue.',
    );
  }
}

type ChainedSettings = Pick<Association, 'targetRoleArn' | 'policy'>;

/**
 * Returns the target role and session policy that an association has after a request. A setting that the request omits
 * keeps its value, and an empty setting is removed; AWS documents neither rule. A session policy requires
 * `disableSessionTags`: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html
 */
function chainedSettings(
  body: Json,
  disableSessionTags: boolean,
  before: ChainedSettings = {},
): ChainedSettings {
  const setting = (name: 'targetRoleArn' | 'policy'): string | undefined => {
    const value = optionalTextMember(body, name);
    return value === '' ? undefined : (value ?? before[name]);
  };
  const targetRoleArn = setting('targetRoleArn');
  const policy = setting('policy');
  if (targetRoleArn !== undefined && !/^arn:[^:]+:iam::\d{12}:role\/./.test(targetRoleArn))
    throw invalidParameter('Invalid target role ARN provided.');
  if (policy !== undefined && !disableSessionTags)
    throw invalidParameter('disableSessionTags must be true when a policy is given.');
  return { targetRoleArn, policy };
}

function kubernetesName(body: Json, member: string, longest: number, pattern: RegExp): string {
  const value = textMember(body, member);
  if (value.length > longest || !pattern.test(value))
    throw invalidParameter(`${member} is not a valid Kubernetes name: ${value}`);
  return value;
}

const renderSummary = (association: Association): Json => ({
  clusterName: association.clusterName,
  namespace: association.namespace,
  serviceAccount: association.serviceAccount,
  associationArn: association.arn,
  associationId: association.id,
});

const render = (association: Association): Json => ({
  ...renderSummary(association),
  roleArn: association.roleArn,
  tags: association.tags,
  createdAt: association.createdAt / 1000,
  modifiedAt: association.modifiedAt / 1000,
  disableSessionTags: association.disableSessionTags,
  targetRoleArn: association.targetRoleArn,
  policy: association.policy,
});
