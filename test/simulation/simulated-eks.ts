/**
 * EKS's Pod Identity associations and its exchange of pods' tokens, behind the commands of the AWS SDK. Roles and their
 * trust policies are checked strictly. As in STS, EKS may read an earlier state of a role.
 */
import { podIdentityAudience } from '../../src/api/index.ts';
import type { ObservedRole } from '../../src/identity/index.ts';
import { awsError } from './aws-error.ts';

export const clusterName = 'simulated';

export type SimulatedAssociation = {
  readonly id: string;
  readonly arn: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly roleArn: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly disableSessionTags: boolean;
  readonly targetRoleArn?: string | undefined;
  readonly policy?: string | undefined;
};

export type AssociationChange = {
  readonly action: string;
  readonly before: SimulatedAssociation | undefined;
  readonly after: SimulatedAssociation | undefined;
  /** The account on whose behalf the operator made the call; undefined for other callers. */
  readonly by: string | undefined;
};

export type SimulatedEks = {
  readonly associations: ReadonlyMap<string, SimulatedAssociation>;
  /** The association that new pods of the ServiceAccount use. */
  associationOf(namespace: string, serviceAccount: string): SimulatedAssociation | undefined;
  /** Creates an association out of band. */
  put(association: Omit<SimulatedAssociation, 'id' | 'arn'>): SimulatedAssociation;
  remove(id: string): void;
  change(id: string, to: Partial<Omit<SimulatedAssociation, 'id' | 'arn'>>): void;
  /**
   * Returns undefined for an unknown action.
   * @throws errors as the SDK throws them
   */
  perform(action: string, input: Readonly<Record<string, unknown>>, owner: string): object | undefined;
  onChange(listener: (change: AssociationChange) => void): void;
  /** Whether an update with an empty target role or policy keeps the old value instead of removing it. */
  keepsSettings: boolean;
};

type Input = Readonly<Record<string, unknown>>;

export function createSimulatedEks(of: {
  /** Returns the role with this ARN, as EKS currently sees it. */
  readonly role: (arn: string) => ObservedRole | undefined;
}): SimulatedEks {
  const associations = new Map<string, SimulatedAssociation>();
  const listeners: ((change: AssociationChange) => void)[] = [];
  let ids = 0;

  const commit = (
    id: string,
    after: SimulatedAssociation | undefined,
    action: string,
    by: string | undefined,
  ): void => {
    const before = associations.get(id);
    if (after) associations.set(id, after);
    else associations.delete(id);
    for (const listener of listeners) listener({ action, before, after, by });
  };
  const associationOf: SimulatedEks['associationOf'] = (namespace, serviceAccount) =>
    [...associations.values()].find(
      (one) => one.namespace === namespace && one.serviceAccount === serviceAccount,
    );
  const existing = ({ associationId }: Input): SimulatedAssociation => {
    const id = associationId as string;
    const found = associations.get(id);
    if (!found) throw awsError('ResourceNotFoundException', `No association found for id: ${id}`);
    return found;
  };
  const named = (association: Omit<SimulatedAssociation, 'id' | 'arn'>): SimulatedAssociation => {
    const id = `a-${(ids += 1)}`;
    const arn = `arn:aws:eks:us-west-2:123456789012:podidentityassociation/${clusterName}/${id}`;
    return { ...association, id, arn };
  };
  const checkRole = (roleArn: string, association: Omit<SimulatedAssociation, 'id' | 'arn'>): void => {
    const role = of.role(roleArn);
    if (!role) throw awsError('InvalidParameterException', 'Role provided in the request does not exist.');
    if (!trustsPods(role.trustPolicy, association))
      throw awsError('InvalidParameterException', 'Trust policy of the role provided is invalid.');
  };

  const actions: Readonly<Record<string, (input: Input, by: string) => object>> = {
    ListPodIdentityAssociations: ({ namespace, serviceAccount }) => ({
      associations: [...associations.values()]
        .filter((one) => namespace === undefined || one.namespace === namespace)
        .filter((one) => serviceAccount === undefined || one.serviceAccount === serviceAccount)
        .map((one) => summary(one)),
    }),
    DescribePodIdentityAssociation: (input) => ({ association: described(existing(input)) }),
    CreatePodIdentityAssociation(input, by) {
      const wish = {
        namespace: input['namespace'] as string,
        serviceAccount: input['serviceAccount'] as string,
        roleArn: input['roleArn'] as string,
        tags: input['tags'] as Readonly<Record<string, string>>,
        disableSessionTags: false,
      };
      checkRole(wish.roleArn, wish);
      if (associationOf(wish.namespace, wish.serviceAccount))
        throw awsError('ResourceInUseException', 'Association already exists');
      const made = named(wish);
      commit(made.id, made, 'CreatePodIdentityAssociation', by);
      return { association: described(made) };
    },
    UpdatePodIdentityAssociation(input, by) {
      const before = existing(input);
      const setting = (name: 'targetRoleArn' | 'policy'): string | undefined => {
        const value = (input[name] as string | undefined) ?? before[name];
        // An empty value removes the setting. With `keepsSettings`, EKS keeps the setting instead, so the operator has
        // to replace the association.
        return value === '' ? (eks.keepsSettings ? before[name] : undefined) : value;
      };
      const after = {
        ...before,
        targetRoleArn: setting('targetRoleArn'),
        policy: setting('policy'),
        roleArn: (input['roleArn'] as string | undefined) ?? before.roleArn,
        disableSessionTags: (input['disableSessionTags'] as boolean | undefined) ?? before.disableSessionTags,
      };
      checkRole(after.roleArn, after);
      commit(before.id, after, 'UpdatePodIdentityAssociation', by);
      return { association: described(after) };
    },
    DeletePodIdentityAssociation(input, by) {
      const before = existing(input);
      commit(before.id, undefined, 'DeletePodIdentityAssociation', by);
      return { association: described(before) };
    },
    TagResource({ resourceArn, tags }, by) {
      const before = [...associations.values()].find(({ arn }) => arn === resourceArn);
      if (!before) throw awsError('NotFoundException', 'No resource found');
      const after = { ...before, tags: { ...before.tags, ...(tags as Record<string, string>) } };
      commit(before.id, after, 'TagResource', by);
      return {};
    },
    AssumeRoleForPodIdentity({ token }) {
      const { aud, 'kubernetes.io': bound } = JSON.parse(atob((token as string).split('.')[1] ?? '')) as {
        readonly aud: readonly string[];
        readonly 'kubernetes.io': {
          readonly namespace: string;
          readonly serviceaccount: { readonly name: string };
          readonly pod?: { readonly name: string };
        };
      };
      if (!aud.includes(podIdentityAudience) || !bound.pod)
        throw awsError('InvalidTokenException', 'The token is not bound to a pod, or not for EKS.');
      const association = associationOf(bound.namespace, bound.serviceaccount.name);
      if (!association)
        throw awsError('ResourceNotFoundException', 'No pod identity association found for service account');
      const role = of.role(association.targetRoleArn ?? association.roleArn);
      if (!role || !trustsPods(role.trustPolicy, association))
        throw awsError(
          'AccessDeniedException',
          'EKS does not have permissions to assume the associated role.',
        );
      return {
        associationId: association.id,
        assumedRoleArn: `arn:aws:sts::123456789012:assumed-role/${role.name}/eks-${clusterName}`,
        assumedRoleId: `${role.id}:eks-${clusterName}`,
      };
    },
  };

  const eks: SimulatedEks = {
    keepsSettings: false,
    associations,
    associationOf,
    put(association) {
      const made = named(association);
      commit(made.id, made, 'made by others', undefined);
      return made;
    },
    change(id, to) {
      const before = associations.get(id);
      if (before) commit(id, { ...before, ...to }, 'changed by others', undefined);
    },
    remove: (id) => commit(id, undefined, 'removed by others', undefined),
    perform: (action, input, owner) => actions[action]?.(input, owner),
    onChange: (listener) => void listeners.push(listener),
  };
  return eks;
}

/** Whether the role allows EKS to assume it for pods of the association's ServiceAccount. */
export function trustsPods(
  document: string,
  {
    namespace,
    serviceAccount,
    disableSessionTags,
  }: Pick<SimulatedAssociation, 'namespace' | 'serviceAccount' | 'disableSessionTags'>,
): boolean {
  const { Statement: statements } = JSON.parse(document) as {
    readonly Statement: readonly {
      readonly Effect: string;
      readonly Principal?: { readonly Service?: string };
      readonly Condition?: { readonly StringEquals?: Readonly<Record<string, string | readonly string[]>> };
    }[];
  };
  const tags: Readonly<Record<string, string>> = disableSessionTags
    ? {}
    : {
        'aws:RequestTag/kubernetes-namespace': namespace,
        'aws:RequestTag/kubernetes-service-account': serviceAccount,
      };
  return statements.some(
    ({ Effect, Principal, Condition }) =>
      Effect === 'Allow' &&
      Principal?.Service === podIdentityAudience &&
      Object.entries(Condition?.StringEquals ?? {})
        .filter(([key]) => key.startsWith('aws:RequestTag/'))
        .every(([key, values]) => [values].flat().includes(tags[key] ?? '')),
  );
}

function summary({ id, arn, namespace, serviceAccount }: SimulatedAssociation): object {
  return { clusterName, namespace, serviceAccount, associationArn: arn, associationId: id };
}

function described(association: SimulatedAssociation): object {
  const { roleArn, tags, disableSessionTags, targetRoleArn, policy } = association;
  return { ...summary(association), roleArn, tags, disableSessionTags, targetRoleArn, policy };
}
