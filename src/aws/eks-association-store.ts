/** Store of Pod Identity associations in EKS that makes as few calls as possible. */
import {
  CreatePodIdentityAssociationCommand,
  DeletePodIdentityAssociationCommand,
  DescribePodIdentityAssociationCommand,
  ListPodIdentityAssociationsCommand,
  TagResourceCommand,
  UpdatePodIdentityAssociationCommand,
  type EKSClient,
  type PodIdentityAssociation,
  type PodIdentityAssociationSummary,
} from '@aws-sdk/client-eks';
import { IdentityError, type AssociationStore, type ObservedAssociation } from '../identity/index.ts';
import { senderOf, type Calls } from './calls.ts';
import type { Monotonic } from '../k8s/time.ts';

/** Maximum page size of EKS. Source: ListPodIdentityAssociations, maxResults. */
const maxResults = 100;

export function createEksAssociationStore(options: {
  readonly eks: EKSClient;
  readonly calls: Calls;
  /** Calls for listings of the whole cluster, which have a separate rate limit. */
  readonly listingCalls: Calls;
  readonly clusterName: string;
  readonly now: () => Monotonic;
}): AssociationStore {
  const { eks, clusterName, now } = options;
  const send = senderOf(eks, options.calls);
  const sendListing = senderOf(eks, options.listingCalls);

  /** Each page is scheduled as a separate call. */
  const summaries = async (
    filter: { readonly namespace?: string; readonly serviceAccount?: string },
    signal: AbortSignal | undefined,
    by: typeof send,
  ): Promise<readonly PodIdentityAssociationSummary[]> => {
    const found: PodIdentityAssociationSummary[] = [];
    let nextToken: string | undefined;
    do {
      const input = { clusterName, maxResults, ...filter, nextToken };
      const page = await by(
        { action: 'ListPodIdentityAssociations', on: onCluster(filter), signal },
        new ListPodIdentityAssociationsCommand(input),
      );
      found.push(...(page.associations ?? []));
      ({ nextToken } = page);
    } while (nextToken !== undefined);
    return found;
  };

  const onCluster = ({ namespace, serviceAccount }: Parameters<typeof summaries>[0]): string =>
    namespace === undefined ? clusterName : `${clusterName} (${namespace}/${serviceAccount})`;

  const describe = async (
    associationId: string,
    signal: AbortSignal | undefined,
  ): Promise<ObservedAssociation | undefined> => {
    try {
      const { association } = await send(
        { action: 'DescribePodIdentityAssociation', on: associationId, read: true, signal },
        new DescribePodIdentityAssociationCommand({ clusterName, associationId }),
      );
      return association && fromAws(association);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  };

  return {
    async list(signal) {
      const startedAt = now();
      return { startedAt, associations: (await summaries({}, signal, sendListing)).map(fromSummary) };
    },

    async read(of, signal, id) {
      if (id !== undefined) return describe(id, signal);
      const [summary] = await summaries(of, signal, send);
      return summary?.associationId === undefined ? undefined : describe(summary.associationId, signal);
    },

    async create({ namespace, serviceAccount, roleArn, tags }, signal) {
      const { association } = await send(
        { action: 'CreatePodIdentityAssociation', on: `${namespace}/${serviceAccount}`, signal },
        new CreatePodIdentityAssociationCommand({
          clusterName,
          namespace,
          serviceAccount,
          roleArn,
          tags: { ...tags },
        }),
      );
      return fromAws(association ?? {});
    },

    async update({ id: associationId, details }, roleArn, signal) {
      // EKS keeps the settings that a request omits, so the request must contain an empty value to remove a setting.
      // The EKS controller of AWS Controllers for Kubernetes also sends empty values:
      // https://github.com/aws-controllers-k8s/eks-controller/pull/164
      const removed = {
        ...(details?.targetRoleArn === undefined ? {} : { targetRoleArn: '' }),
        ...(details?.policy === undefined ? {} : { policy: '' }),
      };
      const { association } = await send(
        { action: 'UpdatePodIdentityAssociation', on: associationId, signal },
        new UpdatePodIdentityAssociationCommand({
          clusterName,
          associationId,
          roleArn,
          disableSessionTags: false,
          ...removed,
        }),
      );
      return fromAws(association ?? {});
    },

    async delete(associationId, signal) {
      try {
        await send(
          { action: 'DeletePodIdentityAssociation', on: associationId, signal },
          new DeletePodIdentityAssociationCommand({ clusterName, associationId }),
        );
      } catch (error) {
        // The deletion of an association that does not exist counts as successful.
        if (!isGone(error)) throw error;
      }
    },

    async tag(resourceArn, tags, signal) {
      const command = new TagResourceCommand({ resourceArn, tags: { ...tags } });
      await send({ action: 'TagResource', on: resourceArn, signal }, command);
    },
  };
}

function isGone(error: unknown): boolean {
  return error instanceof IdentityError && error.code === 'AssociationNotFound';
}

function fromSummary(summary: PodIdentityAssociationSummary): ObservedAssociation {
  return {
    id: summary.associationId ?? '',
    arn: summary.associationArn ?? '',
    namespace: summary.namespace ?? '',
    serviceAccount: summary.serviceAccount ?? '',
  };
}

function fromAws(association: PodIdentityAssociation): ObservedAssociation {
  const { targetRoleArn = '', policy = '' } = association;
  return {
    ...fromSummary(association),
    details: {
      roleArn: association.roleArn ?? '',
      tags: association.tags ?? {},
      withoutSessionTags: association.disableSessionTags === true,
      ...(targetRoleArn === '' ? {} : { targetRoleArn }),
      ...(policy === '' ? {} : { policy }),
    },
  };
}
