/**
 * Identity gate: decides whether a target of an App can be deployed with its account's identity.
 *
 * | account                         | linked | proven | identity in the Deployment | gate                       |
 * |---------------------------------|--------|--------|----------------------------|----------------------------|
 * | none named                      |        |        | any                        | open, no identity          |
 * | not found                       |        |        | any                        | AccountNotFound            |
 * | target not among its targets    |        |        | any                        | AccountExcludesTarget      |
 * | being deleted                   | yes    | any    | the same                   | open, AccountDeleting      |
 * | being deleted                   | any    | any    | another, none              | AccountDeleting            |
 * | exists                          | no     | any    | any                        | AccountNotLinkedToTarget   |
 * | exists                          | yes    | yes    | any                        | open                       |
 * | exists                          | yes    | no     | the same                   | open, IdentityNotProven    |
 * | exists                          | yes    | no     | another, none              | IdentityNotProven          |
 * | exists, no usable OIDC provider | yes    | no     | any                        | the provider's reason      |
 * | in quarantine                   | any    | any    | any                        | Quarantined                |
 *
 * With Pod Identity, only a running pod can prove the identity. Therefore, the gate also accepts an identity that EKS,
 * IAM and the webhook have confirmed.
 *
 * A new identity has to be proven before it is deployed. An identity that is already deployed need not be proven, since
 * holding back a new image would not restore the permissions of the running pods. Every change is held back in three
 * cases. Without a link (the annotation or association of the ServiceAccount), new pods would start without an
 * identity. Without a usable IAM OIDC provider, running pods may still hold credentials for hours, but new pods would
 * get none. In quarantine, pods get no credentials until the quarantine ends.
 */
import {
  podIdentityAudience,
  stsAudience,
  type IdentityMode,
  type LinkedServiceAccount,
} from '../api/index.ts';
import type { WantedIdentity } from './pod-identity.ts';
import type { GateReason } from './reasons.ts';

export type Identity = WantedIdentity & {
  /** Value of the identity annotation in the pod template. A changed value rolls the Deployment. */
  readonly mark: string;
};

export type IdentityFinding = { readonly reason: GateReason; readonly message: string };

export type IdentityGate =
  /** `warning`: the target is deployed although its account is being deleted or its identity is no longer proven. */
  | { readonly open: true; readonly identity?: Identity; readonly warning?: IdentityFinding }
  | ({ readonly open: false } & IdentityFinding);

export type GateInput = {
  /** Account that the App names. */
  readonly account: string | undefined;
  /** The account object; undefined if the account does not exist. */
  readonly linkedServiceAccount: LinkedServiceAccount | undefined;
  readonly target: string;
  /** Identity mark in the pod template of the existing Deployment. */
  readonly deployedMark: string | undefined;
};

/**
 * Mark of an identity: its value in the pod template's identity annotation. A changed mark replaces the pods. Policies
 * are not part of the mark, so a changed policy replaces no pods. The mark is readable, since `kubectl describe
 * deployment` shows it.
 */
export function identityMark(identity: WantedIdentity): string {
  return `${identity.roleArn} for ${identity.audience}`;
}

/** Role ARN in an identity mark. */
export function roleOfMark(mark: string | undefined): string | undefined {
  return mark?.split(' ')[0];
}

/** Identity that an identity mark describes. */
export function identityOfMark(mark: string | undefined): Identity | undefined {
  const [roleArn, audience] = mark?.split(' for ') ?? [];
  return mark !== undefined && roleArn !== undefined && audience !== undefined
    ? { roleArn, audience, mark }
    : undefined;
}

export function identityGate(input: GateInput): IdentityGate {
  const { account, linkedServiceAccount: resource, target } = input;
  if (account === undefined) return { open: true };
  if (resource === undefined)
    return closed('AccountNotFound', `account "${account}" (LinkedServiceAccount) does not exist`);

  const wantedTargets = resource.spec.targets;
  if (wantedTargets !== undefined && !wantedTargets.includes(target))
    return closed(
      'AccountExcludesTarget',
      `account "${account}" does not include target "${target}" (its targets: ${wantedTargets.join(', ')})`,
    );

  const row = resource.status?.targets?.find((entry) => entry.name === target);
  const identity =
    row?.linked && row.roleArn !== undefined ? identityOf(row.roleArn, row.identityMode) : undefined;
  const isDeployed = identity !== undefined && identity.mark === input.deployedMark;

  if (row?.reason === ('Quarantined' satisfies GateReason))
    return closed(
      'Quarantined',
      withCause(`account "${account}" is in quarantine on target "${target}"`, row.message),
    );
  if (resource.metadata.deletionTimestamp !== undefined) {
    const message = `account "${account}" is being deleted`;
    const warning: IdentityFinding = { reason: 'AccountDeleting', message };
    return isDeployed ? { open: true, identity, warning } : { open: false, ...warning };
  }
  if (identity === undefined)
    return closed(
      'AccountNotLinkedToTarget',
      withCause(
        `account "${account}" is not linked on target "${target}"`,
        row?.linked ? undefined : row?.message,
      ),
    );
  if (row?.proven || row?.confirmed) return { open: true, identity };
  const provider = providerReasons.find((reason) => reason === row?.reason);
  if (provider !== undefined)
    return closed(
      provider,
      withCause(`account "${account}" cannot be used on target "${target}"`, row?.message),
    );

  const warning: IdentityFinding = {
    reason: 'IdentityNotProven',
    message: withCause(`account "${account}" is not proven on target "${target}"`, row?.message),
  };
  return isDeployed ? { open: true, identity, warning } : { open: false, ...warning };
}

/** Reasons why STS rejects the tokens of every account of the cluster. */
const providerReasons = ['OIDCProviderMissing', 'AudienceMissing'] as const satisfies readonly GateReason[];

/**
 * Whether the reason means that new pods would get no credentials: STS rejects all tokens of the cluster, or the
 * account is quarantined.
 */
export function deniesCredentials(reason: GateReason): boolean {
  return reason === 'Quarantined' || providerReasons.some((one) => one === reason);
}

function identityOf(roleArn: string, mode: IdentityMode = 'IRSA'): Identity {
  const identity = { roleArn, audience: mode === 'PodIdentity' ? podIdentityAudience : stsAudience };
  return { ...identity, mark: identityMark(identity) };
}

function closed(reason: GateReason, message: string): IdentityGate {
  return { open: false, reason, message };
}

function withCause(message: string, cause: string | undefined): string {
  return cause ? `${message}: ${cause}` : `${message} yet`;
}
