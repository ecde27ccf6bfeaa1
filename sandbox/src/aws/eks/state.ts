/**
 * State of EKS: clusters, which exist from the start and are active, and their Pod Identity associations. Earlier
 * versions of associations are kept, because changes reach the webhook and EKS Auth with a delay.
 */
import { maxStalenessMs } from '../faults/settings.ts';
import { createHistory } from '../iam/history.ts';
import { AwsError } from '../wire/service.ts';

export type EksCluster = {
  readonly name: string;
  readonly endpoint: string;
  /** Certificate authority as PEM, encoded in Base64. */
  readonly certificateAuthorityData: string;
  readonly issuer: string;
  readonly version: string;
};

/** An immutable record: a change replaces it. */
export type Association = {
  readonly clusterName: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly roleArn: string;
  readonly arn: string;
  /** Association id: `a-` followed by 17 letters and digits. */
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly disableSessionTags: boolean;
  readonly targetRoleArn?: string | undefined;
  /** Session policy, as JSON. */
  readonly policy?: string | undefined;
  /** Creation time, in milliseconds since the epoch. */
  readonly createdAt: number;
  readonly modifiedAt: number;
  /** Client request token of the call that created the association, for idempotency. */
  readonly requestToken: string | undefined;
};

export type EksState = {
  readonly partition: string;
  readonly region: string;
  readonly accountId: string;
  readonly clusters: readonly EksCluster[];
  /** Creation time, in milliseconds since the epoch. */
  readonly createdAt: number;
  /** @throws ResourceNotFoundException */
  cluster(name: string): EksCluster;
  clusterArn(name: string): string;
  associationArn(clusterName: string, id: string): string;
  /** Returns the associations as of `at` (milliseconds; default: now), sorted by id. */
  associations(clusterName: string, at?: number): readonly Association[];
  association(clusterName: string, id: string): Association | undefined;
  /** Returns the association of a ServiceAccount. */
  associationOf(
    clusterName: string,
    of: { readonly namespace: string; readonly serviceAccount: string },
    at?: number,
  ): Association | undefined;
  put(association: Association, now: number): void;
  remove(association: Association, now: number): void;
};

export function createEksState(options: {
  readonly partition: string;
  readonly region: string;
  readonly accountId: string;
  readonly clusters: readonly EksCluster[];
  readonly createdAt: number;
}): EksState {
  const { partition, region, accountId, clusters } = options;
  const associations = createHistory<Association>(maxStalenessMs);
  const prefix = `arn:${partition}:eks:${region}:${accountId}`;
  const key = ({ clusterName, id }: Pick<Association, 'clusterName' | 'id'>): string =>
    `${clusterName}/${id}`;

  const all = (clusterName: string, at?: number): readonly Association[] =>
    Array.from(associations.entries({ at }), ([, association]) => association).filter(
      (association) => association.clusterName === clusterName,
    );

  return {
    ...options,
    cluster(name) {
      const found = clusters.find((candidate) => candidate.name === name);
      if (!found) {
        throw new AwsError('ResourceNotFoundException', `No cluster found for name: ${name}.`, 404, {
          clusterName: name,
        });
      }
      return found;
    },
    clusterArn: (name) => `${prefix}:cluster/${name}`,
    associationArn: (clusterName, id) => `${prefix}:podidentityassociation/${clusterName}/${id}`,
    associations: all,
    association: (clusterName, id) => associations.get(key({ clusterName, id })),
    associationOf: (clusterName, { namespace, serviceAccount }, at) =>
      all(clusterName, at).find(
        (association) => association.namespace === namespace && association.serviceAccount === serviceAccount,
      ),
    put: (association, now) => associations.set(key(association), association, now),
    remove: (association, now) => associations.delete(key(association), now),
  };
}
