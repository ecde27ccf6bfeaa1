/**
 * AWS calls for the installation: the IAM OIDC provider of a cluster, the operator's own role and policy, and the
 * lookup of a cluster in EKS. The calls use the credentials of the person who installs. The operator never makes these
 * calls.
 */
import { DescribeClusterCommand, EKSClient, paginateListClusters } from '@aws-sdk/client-eks';
import {
  AddClientIDToOpenIDConnectProviderCommand,
  CreateOpenIDConnectProviderCommand,
  DeleteOpenIDConnectProviderCommand,
  GetOpenIDConnectProviderCommand,
  GetRolePolicyCommand,
  IAMClient,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { issuerHost } from '../identity/index.ts';
import { createAwsAgents, type AwsEnv } from './agents.ts';
import { classifyAwsError } from './errors.ts';

export type EksCluster = {
  readonly name: string;
  readonly arn: string;
  readonly endpoint: string;
  readonly issuer: string;
  /** Whether EKS Auto Mode is on: EKS then manages the nodes and their Pod Identity agents. */
  readonly autoMode: boolean;
};

export type OidcProvider = {
  readonly clientIds: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
};

/** AWS calls for the installation. All methods reject with an IdentityError. */
export type InstallationStore = {
  /** Returns the EKS cluster, or undefined if EKS has no cluster of this name. */
  cluster(name: string, signal?: AbortSignal): Promise<EksCluster | undefined>;
  clusterNames(signal?: AbortSignal): Promise<readonly string[]>;
  provider(arn: string, signal?: AbortSignal): Promise<OidcProvider | undefined>;
  createProvider(
    of: {
      readonly issuer: string;
      readonly clientId: string;
      readonly tags: Readonly<Record<string, string>>;
    },
    signal?: AbortSignal,
  ): Promise<void>;
  addClientId(arn: string, clientId: string, signal?: AbortSignal): Promise<void>;
  deleteProvider(arn: string, signal?: AbortSignal): Promise<void>;
  /** Returns the document of an inline policy, or undefined if the role or the policy does not exist. */
  inlinePolicy(role: string, policy: string, signal?: AbortSignal): Promise<string | undefined>;
  putInlinePolicy(role: string, policy: string, document: string, signal?: AbortSignal): Promise<void>;
  close(): void;
};

export function connectInstallation(options: {
  readonly region: string;
  readonly userAgent: string;
  readonly env: AwsEnv;
}): InstallationStore {
  const common = {
    region: options.region,
    customUserAgent: options.userAgent,
    requestHandler: createAwsAgents(options.env),
  };
  const eks = new EKSClient(common);
  const iam = new IAMClient(common);
  const classified = async <T>(
    doing: string,
    signal: AbortSignal | undefined,
    call: (options: { readonly abortSignal?: AbortSignal }) => Promise<T>,
  ): Promise<T> => {
    try {
      return await call(signal ? { abortSignal: signal } : {});
    } catch (error) {
      signal?.throwIfAborted();
      throw classifyAwsError(error, doing);
    }
  };
  const missing = async <T>(name: string, call: Promise<T>): Promise<T | undefined> => {
    try {
      return await call;
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (cause instanceof Error && cause.name.startsWith(name)) return undefined;
      throw error;
    }
  };

  return {
    cluster: (name, signal) =>
      missing(
        'ResourceNotFound',
        classified(`eks:DescribeCluster of ${name}`, signal, (sending) => describe(eks, name, sending)),
      ),

    clusterNames: (signal) =>
      classified(`eks:ListClusters in ${options.region}`, signal, async (sending) => {
        const names: string[] = [];
        for await (const page of paginateListClusters({ client: eks }, {}, sending))
          names.push(...(page.clusters ?? []));
        return names;
      }),

    async provider(arn, signal) {
      const command = new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn });
      const found = await missing(
        'NoSuchEntity',
        classified(`iam:GetOpenIDConnectProvider on ${arn}`, signal, (sending) => iam.send(command, sending)),
      );
      if (!found) return undefined;
      const { ClientIDList: clientIds = [], Tags = [] } = found;
      return { clientIds, tags: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])) };
    },

    // The call needs no thumbprint, since IAM determines it. Source: IAM API Reference, CreateOpenIDConnectProvider,
    // ThumbprintList.
    async createProvider({ issuer, clientId, tags }, signal) {
      const command = new CreateOpenIDConnectProviderCommand({
        Url: issuer,
        ClientIDList: [clientId],
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      });
      const doing = `iam:CreateOpenIDConnectProvider for ${issuerHost(issuer)}`;
      await classified(doing, signal, (sending) => iam.send(command, sending));
    },

    async addClientId(arn, clientId, signal) {
      const command = new AddClientIDToOpenIDConnectProviderCommand({
        OpenIDConnectProviderArn: arn,
        ClientID: clientId,
      });
      const doing = `iam:AddClientIDToOpenIDConnectProvider on ${arn}`;
      await classified(doing, signal, (sending) => iam.send(command, sending));
    },

    async deleteProvider(arn, signal) {
      const command = new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn });
      const doing = `iam:DeleteOpenIDConnectProvider on ${arn}`;
      await classified(doing, signal, (sending) => iam.send(command, sending));
    },

    async inlinePolicy(role, policy, signal) {
      const command = new GetRolePolicyCommand({ RoleName: role, PolicyName: policy });
      const doing = `iam:GetRolePolicy on ${role} (${policy})`;
      const found = await missing(
        'NoSuchEntity',
        classified(doing, signal, (sending) => iam.send(command, sending)),
      );
      return found && decodeURIComponent(found.PolicyDocument ?? '');
    },

    async putInlinePolicy(role, policy, document, signal) {
      const command = new PutRolePolicyCommand({
        RoleName: role,
        PolicyName: policy,
        PolicyDocument: document,
      });
      const doing = `iam:PutRolePolicy on ${role} (${policy})`;
      await classified(doing, signal, (sending) => iam.send(command, sending));
    },

    close() {
      eks.destroy();
      iam.destroy();
    },
  };
}

async function describe(
  eks: EKSClient,
  name: string,
  options: { readonly abortSignal?: AbortSignal },
): Promise<EksCluster | undefined> {
  const { cluster } = await eks.send(new DescribeClusterCommand({ name }), options);
  if (!cluster) return undefined;
  return {
    name: cluster.name ?? name,
    arn: cluster.arn ?? '',
    endpoint: cluster.endpoint ?? '',
    issuer: cluster.identity?.oidc?.issuer ?? '',
    autoMode: cluster.computeConfig?.enabled ?? false,
  };
}
