/**
 * Client of EKS Auth, which exchanges a pod's token for credentials of the role that EKS associates with the pod's
 * ServiceAccount. The SDK's package for EKS Auth is not in every npm registry. Therefore this file defines the only
 * operation of EKS Auth, and the SDK's EKS client executes it. The credential chain, the signatures, the endpoints from
 * the environment (`AWS_ENDPOINT_URL_EKS_AUTH`, `AWS_ENDPOINT_URL`) and the error names are the same as in the SDK.
 * https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html
 */
import { EKSClient, type EKSClientConfig } from '@aws-sdk/client-eks';
import { makeBuilder } from '@smithy/core/client';
import { getEndpointPlugin } from '@smithy/core/endpoints';
import type { StaticOperationSchema } from '@smithy/types';
import { awsHosts } from '../api/partitions.ts';

/** Credentials from EKS, which are valid for hours. */
export type PodCredentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
};

export type PodIdentityExchange = {
  readonly associationId: string;
  /** `arn:aws:sts::…:assumed-role/ROLE/SESSION` */
  readonly assumedRoleArn: string;
  /** Id of the assumed role, a colon and the session name. */
  readonly assumedRoleId: string;
  readonly credentials: PodCredentials;
};

export type EksAuthClient = {
  /**
   * Exchanges a token for credentials. Rejects like SDK clients: the `name` of the error is the error name of the
   * service.
   *
   * @param token token of a ServiceAccount, bound to a running pod, with the audience `pods.eks.amazonaws.com`
   */
  exchange(
    of: { readonly clusterName: string; readonly token: string },
    options?: { readonly abortSignal?: AbortSignal },
  ): Promise<PodIdentityExchange>;
  close(): void;
};

export type EksAuthClientConfig = Pick<
  EKSClientConfig,
  'credentials' | 'customUserAgent' | 'endpoint' | 'maxAttempts' | 'requestHandler' | 'systemClockOffset'
> & { readonly region: string };

const namespace = 'com.amazonaws.eksauth';

/**
 * Schema of the operation, in the form that the SDK's clients use: kind (3: structure, 9: operation), namespace, name,
 * traits, members and the members' types.
 */
const operation: StaticOperationSchema = [
  9,
  namespace,
  'AssumeRoleForPodIdentity',
  { http: ['POST', '/clusters/{clusterName}/assume-role-for-pod-identity', 200] },
  [
    3,
    namespace,
    'AssumeRoleForPodIdentityRequest',
    0,
    ['clusterName', 'token'],
    [
      [0, { httpLabel: 1 }],
      [0, { sensitive: 1 }],
    ],
    2,
  ],
  [
    3,
    namespace,
    'AssumeRoleForPodIdentityResponse',
    0,
    ['podIdentityAssociation', 'assumedRoleUser', 'credentials'],
    [
      [3, namespace, 'PodIdentityAssociation', 0, ['associationArn', 'associationId'], [0, 0]],
      [3, namespace, 'AssumedRoleUser', 0, ['arn', 'assumeRoleId'], [0, 0]],
      [
        3,
        namespace,
        'Credentials',
        { sensitive: 1 },
        ['sessionToken', 'secretAccessKey', 'accessKeyId', 'expiration'],
        [0, 0, 0, 4],
      ],
    ],
  ],
];

type Response = {
  readonly podIdentityAssociation?: { readonly associationId?: string };
  readonly assumedRoleUser?: { readonly arn?: string; readonly assumeRoleId?: string };
  readonly credentials?: Partial<PodCredentials>;
};

const endpointParameters = {
  UseFIPS: { type: 'builtInParams', name: 'useFipsEndpoint' },
  Endpoint: { type: 'builtInParams', name: 'endpoint' },
  Region: { type: 'builtInParams', name: 'region' },
  UseDualStack: { type: 'builtInParams', name: 'useDualstackEndpoint' },
} as const;

const AssumeRoleForPodIdentityCommand = makeBuilder(
  endpointParameters,
  'EKSAuthFrontend',
  'EKSAuthClient',
  getEndpointPlugin,
)({}, () => [], 'AssumeRoleForPodIdentity', operation);

export function createEksAuthClient(config: EksAuthClientConfig): EksAuthClient {
  const client = new EKSClient({
    ...config,
    // The SDK uses this id to find the service's settings in the environment and in the configuration file.
    serviceId: 'EKS Auth',
    endpointProvider: ({ Endpoint, Region = config.region, UseFIPS }) => {
      const { eksAuth, eksAuthFips } = awsHosts(Region);
      return {
        url: new URL(Endpoint ?? `https://${UseFIPS ? eksAuthFips : eksAuth}`),
        properties: {
          authSchemes: [{ name: 'sigv4', signingName: 'eks-auth', signingRegion: Region, properties: {} }],
        },
        headers: {},
      };
    },
  });
  // The client can execute any command that has a schema, but its TypeScript type accepts only EKS commands.
  const send = client.send.bind(client) as unknown as (
    command: object,
    options?: { readonly abortSignal?: AbortSignal },
  ) => Promise<Response>;
  return {
    async exchange(of, options) {
      const {
        podIdentityAssociation,
        assumedRoleUser,
        credentials = {},
      } = await send(new AssumeRoleForPodIdentityCommand(of), options);
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
      if (!accessKeyId || !secretAccessKey || !sessionToken || !expiration)
        throw new TypeError('EKS Auth returned no credentials');
      return {
        associationId: podIdentityAssociation?.associationId ?? '',
        assumedRoleArn: assumedRoleUser?.arn ?? '',
        assumedRoleId: assumedRoleUser?.assumeRoleId ?? '',
        credentials: { accessKeyId, secretAccessKey, sessionToken, expiration },
      };
    },
    close: () => client.destroy(),
  };
}
