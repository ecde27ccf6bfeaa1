/**
 * Determines the users that an import would exclude from a role: running pods, which block the import, and other users,
 * which are listed before the confirmation. Pure.
 */
import {
  describePrincipal,
  admitsSubject,
  principalsOf,
  serviceAccountOfSubject,
  subjectOf,
  type ClusterFacts,
  type ObservedRole,
  type RoleHolder,
  type TrustPrincipal,
} from '../../identity/index.ts';

export type Subject = { readonly namespace: string; readonly serviceAccount: string };

/** ServiceAccount of the cluster that has the role, or whose running pods hold the role. */
export type RoleUser = Subject & {
  /** Names of the ServiceAccount's running pods that hold the role. */
  readonly pods: readonly string[];
  /**
   * Whether the role comes from an EKS Pod Identity association; otherwise it comes from the ServiceAccount's
   * annotation.
   */
  readonly byAssociation: boolean;
};

export type RoleUse = {
  readonly users: readonly RoleUser[];
  /** Failed reads, each as a sentence without full stop. Any object that was not read may use the role. */
  readonly unseen: readonly string[];
};

export type Exclusion = {
  /** Users with running pods, and users that cannot be examined. The import is refused unless this list is empty. */
  readonly inUse: readonly string[];
  /** The users of `inUse` that have running pods, as data. The advice of the error is derived from them. */
  readonly inUseBy: readonly RoleUser[];
  /** All other principals that have access now and would lose that access. */
  readonly others: readonly string[];
};

/** @param isKept whether pods of the ServiceAccount can use the role after the import */
export function excludedBy(
  role: ObservedRole,
  { providerArn }: Pick<ClusterFacts, 'providerArn'>,
  use: RoleUse,
  isKept: (subject: Subject) => boolean,
): Exclusion {
  const principals = principalsOf(role.trustPolicy);
  const lost = principals.filter((principal) => !isKeptPrincipal(principal, providerArn, isKept));
  const isAdmitted = ({ namespace, serviceAccount, byAssociation }: RoleUser): boolean =>
    byAssociation
      ? principals.some(admitsAssociations)
      : admitsSubject(principals, providerArn, subjectOf(namespace, serviceAccount));
  const users = use.users.filter((user) => isAdmitted(user) && (user.byAssociation || !isKept(user)));
  const running = users.filter(({ pods }) => pods.length > 0);
  const elsewhere = lost.filter((principal) => isOfAnotherCluster(principal, providerArn));
  const isHere = lost.some((principal) => !elsewhere.includes(principal));
  const named = new Set(users.map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`));
  const described = lost
    .filter((principal) => !elsewhere.includes(principal))
    .map((principal) => describePrincipal(principal, providerArn))
    .filter((who) => !named.has(who));
  return {
    inUse: [
      ...running.map((user) => `${nameOf(user)}: ${podsText(user.pods)}`),
      ...(isHere
        ? use.unseen.map(
            (what) => `${what}; therefore every principal with access counts as a user of the role`,
          )
        : []),
      ...elsewhere.map(
        (principal) =>
          `${describePrincipal(principal, providerArn)}: a principal of another cluster, whose pods kon cannot list`,
      ),
    ],
    inUseBy: running,
    others: [
      ...users
        .filter(({ pods }) => pods.length === 0)
        .map((user) => `${nameOf(user)}, which has the role, although no pod uses this ServiceAccount`),
      ...new Set(described),
    ],
  };
}

/**
 * Groups, by ServiceAccount, the pods that hold the role, and adds the ServiceAccounts that have the role but no pod.
 */
export function usersByServiceAccount(
  holders: readonly RoleHolder[],
  carriers: readonly Subject[],
): readonly RoleUser[] {
  const pods = new Map<string, string[]>();
  const keyOf = ({ namespace, serviceAccount }: Subject): string => `${namespace}/${serviceAccount}`;
  for (const carrier of carriers) pods.set(keyOf(carrier), []);
  for (const holder of holders) pods.set(keyOf(holder), [...(pods.get(keyOf(holder)) ?? []), holder.pod]);
  return [...pods].map(([key, names]) => {
    const [namespace = '', serviceAccount = ''] = key.split('/');
    return { namespace, serviceAccount, pods: names, byAssociation: false };
  });
}

/** Whether the trust policy admits pods with EKS Pod Identity associations. */
export function admitsAssociations(principal: TrustPrincipal): boolean {
  return (
    principal.kind === 'other' && JSON.stringify(principal.principal ?? '').includes('pods.eks.amazonaws.com')
  );
}

function isKeptPrincipal(
  principal: TrustPrincipal,
  providerArn: string,
  isKept: (subject: Subject) => boolean,
): boolean {
  if (principal.kind !== 'webIdentity' || principal.providerArn !== providerArn) return false;
  const subject = serviceAccountOfSubject(principal.subject);
  return subject !== undefined && isKept(subject);
}

function isOfAnotherCluster(principal: TrustPrincipal, providerArn: string): boolean {
  return (
    principal.kind === 'webIdentity' &&
    principal.providerArn !== providerArn &&
    principal.subject.startsWith('system:serviceaccount:')
  );
}

const nameOf = ({ namespace, serviceAccount, byAssociation }: RoleUser): string =>
  `${namespace}/${serviceAccount}${byAssociation ? ' (by EKS Pod Identity)' : ''}`;

const mostNamed = 5;

function podsText(pods: readonly string[]): string {
  const more = pods.length > mostNamed ? ` and ${pods.length - mostNamed} more` : '';
  return `${pods.length === 1 ? 'the running pod' : 'the running pods'} ${pods.slice(0, mostNamed).join(', ')}${more}`;
}
