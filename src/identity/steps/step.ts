/**
 * Steps that a plan can contain. The steps of one plan do not depend on each other: a step that needs the result of another step
 * is planned only after this result has been observed. The effect, Event and plan line of each kind of step are defined in the
 * file of the object that the step changes.
 */
import type { IdentityMode } from '../../api/index.ts';
import type {
  ObservedAssociation,
  ObservedRole,
  ObservedServiceAccount,
  RoleSettings,
  RoleSpec,
} from '../state/world.ts';
import type { StepEvent } from './event.ts';

export type Step =
  | { readonly kind: 'AddFinalizer' }
  | { readonly kind: 'RemoveFinalizer' }
  | { readonly kind: 'ReadRole'; readonly role: string; readonly why: string }
  | { readonly kind: 'CreateRole'; readonly role: string; readonly spec: RoleSpec }
  | { readonly kind: 'DeleteRole'; readonly role: string }
  | { readonly kind: 'UpdateTrustPolicy'; readonly role: string; readonly trustPolicy: string }
  | { readonly kind: 'AttachPolicy'; readonly role: string; readonly policyArn: string }
  | { readonly kind: 'DetachPolicy'; readonly role: string; readonly policyArn: string; readonly why: string }
  /** Writes the inline policy `konstellation`. */
  | { readonly kind: 'PutInlinePolicy'; readonly role: string; readonly document: string }
  /** Writes the inline policy `konstellation-quarantine`. */
  | { readonly kind: 'PutPodDenial'; readonly role: string; readonly document: string }
  /** Removes the inline policy `konstellation-quarantine`, because no Quarantine names a pod. */
  | { readonly kind: 'DeletePodDenial'; readonly role: string }
  | { readonly kind: 'DeleteInlinePolicy'; readonly role: string; readonly policyName: string }
  | { readonly kind: 'PutPermissionsBoundary'; readonly role: string; readonly policyArn: string }
  | { readonly kind: 'DeletePermissionsBoundary'; readonly role: string }
  | { readonly kind: 'UpdateRole'; readonly role: string; readonly settings: Partial<RoleSettings> }
  | { readonly kind: 'TagRole'; readonly role: string; readonly tags: Readonly<Record<string, string>> }
  | { readonly kind: 'UntagRole'; readonly role: string; readonly keys: readonly string[] }
  /** `roleArn` is absent if an association determines the role. */
  | { readonly kind: 'CreateServiceAccount'; readonly target: string; readonly roleArn?: string }
  | {
      readonly kind: 'LinkServiceAccount';
      readonly target: string;
      /** Role for the annotation. If absent, the annotation is removed, since an association determines the role. */
      readonly roleArn?: string;
      readonly serviceAccount: ObservedServiceAccount;
    }
  | {
      readonly kind: 'UnlinkServiceAccount';
      readonly target: string;
      readonly serviceAccount: ObservedServiceAccount;
      /**
       * Whether the annotation contains a role that others set. If so, the annotation is kept, and only our label is
       * removed.
       */
      readonly keepsAnnotation: boolean;
    }
  | {
      readonly kind: 'DeleteServiceAccount';
      readonly target: string;
      readonly serviceAccount: ObservedServiceAccount;
    }
  | {
      readonly kind: 'ProveIdentity';
      readonly target: string;
      readonly roleArn: string;
      /** Unique id that the role must have (default: any). */
      readonly roleId?: string;
      readonly proofKey: string;
      /** The pod whose token is exchanged at EKS Auth. If absent, a token of the ServiceAccount is exchanged at STS. */
      readonly pod?: { readonly name: string; readonly uid: string };
    }
  /** Reads the node of a pod, to learn whether the node belongs to EKS Auto Mode. */
  | { readonly kind: 'ReadNode'; readonly target: string; readonly node: string }
  | { readonly kind: 'ReadAssociation'; readonly target: string; readonly why: string }
  | {
      readonly kind: 'CreateAssociation';
      readonly target: string;
      readonly roleArn: string;
      readonly tags: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'UpdateAssociation';
      readonly target: string;
      readonly association: ObservedAssociation;
      readonly roleArn: string;
    }
  | {
      readonly kind: 'TagAssociation';
      readonly target: string;
      readonly association: ObservedAssociation;
      readonly tags: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'DeleteAssociation';
      readonly target: string;
      readonly association: ObservedAssociation;
      readonly why: string;
      /**
       * The annotation that determines the role after the deletion of the association. The association is deleted only
       * if this annotation exists.
       */
      readonly successor?: { readonly roleArn: string; readonly serviceAccount: ObservedServiceAccount };
    }
  | {
      /** Confirms, by reads of EKS and IAM and a dry run of the webhook, that new pods get the role in this mode. */
      readonly kind: 'ConfirmAssociation';
      readonly target: string;
      readonly mode: IdentityMode;
      readonly role: string;
      readonly roleArn: string;
      readonly trustPolicy: string;
      /** The expected association; if absent, none is expected. */
      readonly association?: ObservedAssociation;
      readonly proofKey: string;
    };

/** A step of one of these kinds. */
export type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

/** One change in a dry-run plan. `summary` names the changed object or what happens to it. */
export type PlanLine = {
  readonly action: 'create' | 'update' | 'delete';
  readonly summary: string;
  /** Texts before and after the change, possibly of several lines. A creation has only `after`, a deletion only `before`. */
  readonly before?: string;
  readonly after?: string;
};

/**
 * Table row of a kind of step. The members are declared as methods. Otherwise, TypeScript would not permit passing a
 * step to the row that was looked up by the step's `kind`.
 */
export type StepRow<S extends Step> = {
  /** Suffix of the step's key after kind and object. It distinguishes steps of the same kind on the same object. */
  detail?(step: S): string;
  /** Kubernetes Event after the step; absent for reads, proofs and finalizers. */
  event?(step: S, account: string): StepEvent | undefined;
  /** Line in a dry-run plan; absent for reads, proofs and finalizers. `role`: observed state of the step's role. */
  planLine?(step: S, role: ObservedRole | undefined): PlanLine;
};
