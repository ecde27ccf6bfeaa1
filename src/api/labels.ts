/** Labels, annotations, finalizers and field managers that Konstellation writes to a cluster. */

/** Label on objects that Konstellation created. Value: `konstellation`. */
export const managedByLabel = 'app.kubernetes.io/managed-by';
export const managedByValue = 'konstellation';

/** Label on a target's namespace, and on objects that an App created there. Value: the target's name. */
export const targetLabel = 'k11n.dev/target';

/**
 * Label on a ServiceAccount that is linked to an account. Value: the account's name, cut to the maximum length of a
 * label.
 */
export const accountLabel = 'k11n.dev/account';

/**
 * Annotation on a ServiceAccount that Konstellation created. Konstellation deletes such a ServiceAccount when it
 * unlinks the account.
 */
export const createdAnnotation = 'k11n.dev/created-by-konstellation';

/** Label on objects that an App created. Value: the App's name. */
export const appLabel = 'k11n.dev/app';

/** Annotation in an App's pod template: the identity of its pods. A change of its value causes a rollout. */
export const identityAnnotation = 'k11n.dev/identity';

/**
 * Label on a Deployment, StatefulSet or DaemonSet without an App. With the value `true`, the operator restarts the
 * workload when its identity changes.
 */
export const restartLabel = 'k11n.dev/restart-on-identity-change';

/**
 * Annotation on a ClusterConfig: consent to detach policies that `allowedPolicyArns` no longer allows. The value
 * identifies the list, so that the consent does not apply to a later list.
 */
export const detachDisallowedAnnotation = 'k11n.dev/detach-disallowed';

/**
 * Annotation on a LinkedServiceAccount: comma-separated targets. When the account is unlinked from such a target,
 * running pods there lose access at once. Without the annotation, the pods keep access until they end.
 */
export const unlinkNowAnnotation = 'k11n.dev/unlink-now';

/**
 * Annotation on a LinkedServiceAccount: comma-separated ARNs of roles or EKS clusters, or ids of AWS accounts. If the
 * ClusterConfig changes to another cluster, the LinkedServiceAccount's roles that match an entry are left unchanged.
 */
export const abandonRolesAnnotation = 'k11n.dev/abandon-roles';

/** Finalizer that keeps a LinkedServiceAccount until its role is deleted. */
export const accountFinalizer = 'k11n.dev/iam-role';

/** Field manager of the operator for server-side apply. */
export const fieldManager = 'konstellation';

/**
 * Annotation that the pod identity webhook of EKS reads from ServiceAccounts. Source: amazon-eks-pod-identity-webhook,
 * README.
 */
export const roleArnAnnotation = 'eks.amazonaws.com/role-arn';
export const audienceAnnotation = 'eks.amazonaws.com/audience';

/** Audience that STS expects in a web identity token from EKS. */
export const stsAudience = 'sts.amazonaws.com';

/** Audience of tokens for EKS Pod Identity, and the service principal that assumes the role. */
export const podIdentityAudience = 'pods.eks.amazonaws.com';

/**
 * Label or annotation on an account, an app or a ClusterConfig. Any value except `false` prevents the deletion of the
 * object.
 */
export const protectedMark = 'k11n.dev/protected';

/** Annotation on an account. The value `true` is the consent to delete the account and keep its IAM role. */
export const abandonAnnotation = 'k11n.dev/abandon';

/**
 * Annotation on a CRD of this project. The value `true` is the consent to delete the CRD, which deletes all objects of the
 * kind without admission.
 */
export const allowDeletionAnnotation = 'k11n.dev/allow-deletion';

/** Annotation on each CRD of this project: the version of its schema, an integer. See `schemaVersion`. */
export const schemaVersionAnnotation = 'k11n.dev/schema-version';

/**
 * Annotation on a CRD of this project: consent to an older schema, which drops stored fields that it does not have. The
 * value is the older schema version, so that the consent does not apply to a later downgrade.
 */
export const allowDowngradeAnnotation = 'k11n.dev/allow-downgrade';

/** Whether an object is protected from deletion, by the same rule as in the admission policy `protected.k11n.dev`. */
export function isProtected(metadata: {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}): boolean {
  return [metadata.labels, metadata.annotations].some(
    (marks) => (marks?.[protectedMark] ?? 'false') !== 'false',
  );
}
