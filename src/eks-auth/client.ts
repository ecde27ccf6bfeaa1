/**
 * Client of EKS Auth, which exchanges a pod's token for credentials of the role that EKS associates with its
 * ServiceAccount. The SDK's package for it is not in every npm registry, so its only operation is defined here and
 * executed by the SDK's EKS client, with the same credential chain, signatures, endpoints from the environment
 * (`AWS_ENDPOINT_URL_EKS_AUTH`, `AWS_ENDPOINT_URL`) and errors by name.
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
  /** The role's id, a colon and the session name. */
  readonly assumedRoleId: string;
  readonly credentials: PodCredentials;
};

export type EksAuthClient = {
  /**
   * Rejects with an error whose `name` is the error name of the service, like SDK clients.
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
 * Schema in the form of the SDK's clients: kind (3: structure, 9: operation), namespace, name, traits, members and
 * their types.
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
    // The SDK finds the service's settings in the environment and the configuration file by this id.
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
  // The client executes any command that has a schema, but its type does not express that.
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
        throw new TypeError('EKS Auth answered without credentials');
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
