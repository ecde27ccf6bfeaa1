/**
 * EKS Auth: exchanges a pod's token for credentials of the role that is associated with its ServiceAccount. On AWS, the
 * Pod Identity agent on the pod's node makes this call; EKS Auth accepts any caller with the permission.
 * https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html
 */
import type { EksState, EksCluster } from '../eks/state.ts';
import { sessionTags, trustsPodIdentity } from '../eks/pod-identity-trust.ts';
import type { CredentialStore } from '../credentials.ts';
import { assumedRoleArn } from '../credentials.ts';
import type { Faults } from '../faults/faults.ts';
import type { IamState } from '../iam/state.ts';
import type { Identifiers } from '../identifiers.ts';
import type { TokenVerifier } from '../sts/token-verifier.ts';
import { answer, textMember, type RestAction, type RestCall } from '../wire/rest-json-service.ts';
import { AwsError } from '../wire/service.ts';

export type EksAuthEnv = {
  readonly eks: EksState;
  readonly iam: IamState;
  readonly credentials: CredentialStore;
  readonly faults: Faults;
  readonly identifiers: Identifiers;
  readonly tokens: TokenVerifier;
};

const podAudience = 'pods.eks.amazonaws.com';

/** Lifetime of the credentials, independent of the role's maximum session duration. */
const sessionMs = 6 * 3_600_000;

type Call = RestCall<EksAuthEnv>;

const assumeRoleForPodIdentity: RestAction<EksAuthEnv> = {
  name: 'AssumeRoleForPodIdentity',
  access: 'read',
  method: 'POST',
  path: /^\/clusters\/(?<cluster>[^/]+)\/assume-role-for-pod-identity$/,
  secrets: ['token'],
  subject: ({ path: { cluster = '' }, env }) => env.eks.clusterArn(cluster),
  run: async (call) => {
    const { env, request } = call;
    const { eks, iam, faults } = env;
    const cluster = eks.cluster(call.path['cluster'] ?? '');
    const pod = await podOf(textMember(call.body, 'token'), cluster, call);
    const at = faults.authorisesAsOf(request.now);
    const association = eks.associationOf(cluster.name, pod, at);
    if (!association) {
      throw new AwsError(
        'ResourceNotFoundException',
        `No pod identity association found for service account: ${pod.serviceAccount} in namespace: ${pod.namespace}`,
        404,
      );
    }
    const role = iam.role(association.roleArn.slice(association.roleArn.lastIndexOf('/') + 1), at);
    const tags = sessionTags(association, pod, eks);
    if (
      role?.arn !== association.roleArn ||
      !trustsPodIdentity(role, cluster.name, tags, eks, request.context)
    ) {
      throw new AwsError(
        'AccessDeniedException',
        'Unauthorized Exception! EKS does not have permissions to assume the associated role.',
        400,
      );
    }
    if (association.targetRoleArn !== undefined || association.policy !== undefined)
      throw new AwsError(
        'AccessDeniedException',
        'Unauthorized Exception! The emulator supports no target roles and no policies of associations.',
        400,
      );
    const sessionName = `eks-${cluster.name}-${pod.name}`.slice(0, 27) + `-${env.identifiers.requestId()}`;
    const issued = env.credentials.issue({
      role,
      sessionName,
      issuedAt: request.now,
      expiresAt: request.now + sessionMs,
      inlinePolicy: undefined,
      policyArns: [],
      tags,
      context: {},
    });
    return answer({
      subject: { namespace: pod.namespace, serviceAccount: pod.serviceAccount },
      audience: podAudience,
      podIdentityAssociation: { associationArn: association.arn, associationId: association.id },
      assumedRoleUser: {
        arn: assumedRoleArn(role, sessionName, iam),
        assumeRoleId: `${role.id}:${sessionName}`,
      },
      credentials: {
        accessKeyId: issued.accessKeyId,
        secretAccessKey: issued.secretAccessKey,
        sessionToken: issued.sessionToken,
        expiration: Math.floor(issued.expiresAt / 1000),
      },
    });
  },
};

export const eksAuthActions: readonly RestAction<EksAuthEnv>[] = [assumeRoleForPodIdentity];

type Pod = {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly name: string;
  readonly uid: string;
};

const invalidToken = (message: string): AwsError => new AwsError('InvalidTokenException', message);

/** Verifies the token and returns the pod that it was issued for. */
async function podOf(token: string, cluster: EksCluster, { env, request }: Call): Promise<Pod> {
  const read = env.tokens.read(token);
  if (!read.ok)
    throw invalidToken('The token is not a JSON web token with the claims iss, sub, aud and exp.');
  const { claims } = read;
  if (claims.issuer !== cluster.issuer)
    throw invalidToken(`The token was not issued by the cluster ${cluster.name}.`);
  if (!claims.audiences.includes(podAudience))
    throw invalidToken(`The token is not for the audience ${podAudience}.`);
  switch (await env.tokens.verify(token, claims.issuer, request.now)) {
    case 'verified':
      break;
    case 'noKey':
    case 'wrongSignature':
      throw invalidToken("The token's signature could not be verified with the keys of the cluster.");
    case 'issuerUnreachable':
      throw new AwsError(
        'ServiceUnavailableException',
        "The emulator could not read the keys of the cluster's token issuer.",
        503,
      );
  }
  const now = Math.floor(request.now / 1000);
  if (claims.expiresAt <= now) throw new AwsError('ExpiredTokenException', 'The token has expired.');
  if (claims.notBefore !== undefined && claims.notBefore > now)
    throw invalidToken('The token is not valid yet.');
  const { pod, namespace, serviceAccount } = claims.kubernetes ?? {};
  if (namespace === undefined || serviceAccount === undefined)
    throw invalidToken('The token does not belong to a Kubernetes service account.');
  if (pod === undefined) throw invalidToken('The token is not bound to a pod.');
  return { namespace, serviceAccount, ...pod };
}
