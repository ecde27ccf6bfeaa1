/** Every label, annotation, finalizer and field manager that Konstellation writes into a cluster. */

/** On what we made: its value is always `konstellation`. */
export const managedByLabel = 'app.kubernetes.io/managed-by';
export const managedByValue = 'konstellation';

/** On a namespace that is a target, and on what an App made there: its value is the target's name. */
export const targetLabel = 'k11n.dev/target';

/** On a ServiceAccount that links an account: its value is the account's name, cut to a label's length. */
export const accountLabel = 'k11n.dev/account';

/** On a ServiceAccount that we created, so that unlinking may delete it. */
export const createdAnnotation = 'k11n.dev/created-by-konstellation';

/** On what an App made: its value is the App's name. */
export const appLabel = 'k11n.dev/app';

/** In an App's pod template: the identity which its pods hold. A Deployment rolls when it changes, and only then. */
export const identityAnnotation = 'k11n.dev/identity';

/** On a Deployment, StatefulSet or DaemonSet that is not an App's, with the value `true`: it is restarted for a new identity. */
export const restartLabel = 'k11n.dev/restart-on-identity-change';

/**
 * On a ClusterConfig: the consent to detach policies that its `allowedPolicyArns` do not allow any more. Its value names the
 * list that was consented to, so that it does not hold for a later one.
 */
export const detachDisallowedAnnotation = 'k11n.dev/detach-disallowed';

/**
 * On a LinkedServiceAccount: targets, separated by commas, whose running pods lose their access at once when the account is no
 * longer for them. Without it such a target keeps its access until these pods have ended.
 */
export const unlinkNowAnnotation = 'k11n.dev/unlink-now';

/**
 * On a LinkedServiceAccount: ARNs of roles or of EKS clusters, or ids of AWS accounts, separated by commas. Roles of the account that
 * are named by it, or belong to one of them, are left behind as they are when the ClusterConfig names another cluster.
 */
export const abandonRolesAnnotation = 'k11n.dev/abandon-roles';

/** Keeps a LinkedServiceAccount until its role is gone. */
export const accountFinalizer = 'k11n.dev/iam-role';

/** The server-side apply field manager of the operator. */
export const fieldManager = 'konstellation';

/** What the pod identity webhook of EKS reads from a ServiceAccount. Source: amazon-eks-pod-identity-webhook, README. */
export const roleArnAnnotation = 'eks.amazonaws.com/role-arn';
export const audienceAnnotation = 'eks.amazonaws.com/audience';

/** The audience which STS expects in a web identity token from EKS. */
export const stsAudience = 'sts.amazonaws.com';

/** The audience of the tokens that EKS Pod Identity exchanges, which is also the service principal that assumes the role. */
export const podIdentityAudience = 'pods.eks.amazonaws.com';

/** As label or annotation on an account, an app or a ClusterConfig: it cannot be deleted while it is there and not `false`. */
export const protectedMark = 'k11n.dev/protected';

/** On an account, with the value `true`: a person consents that the account goes and its IAM role stays as it is. */
export const abandonAnnotation = 'k11n.dev/abandon';

/** On a CRD of ours, with the value `true`: a person consents to its deletion, which deletes all objects of the kind without admission. */
export const allowDeletionAnnotation = 'k11n.dev/allow-deletion';

/** On each of our CRDs: the version of its schema, an integer. See `schemaVersion`. */
export const schemaVersionAnnotation = 'k11n.dev/schema-version';

/**
 * On a CRD of ours: the consent to an older schema, which drops stored fields that it does not have. Its value is the schema
 * version to go back to, so that it does not hold for a later downgrade.
 */
export const allowDowngradeAnnotation = 'k11n.dev/allow-downgrade';

/** The same rule as in the admission policy `protected.k11n.dev`. */
export function isProtected(metadata: {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}): boolean {
  return [metadata.labels, metadata.annotations].some(
    (marks) => (marks?.[protectedMark] ?? 'false') !== 'false',
  );
}
