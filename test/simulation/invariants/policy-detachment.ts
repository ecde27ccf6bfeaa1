/** Invariants of a detached policy: the account dropped it, and the policies that replace it were attached first. */
import type { LinkedServiceAccount } from '../../../src/api/index.ts';
import { listedArns } from '../listed-arns.ts';
import { policiesPerRole, type RoleChange } from '../simulated-aws.ts';
import { driftIntervalMs } from '../simulation.ts';
import { dropsPolicy, isAllowed, isDeleting } from './account-versions.ts';
import type { Context } from './context.ts';

/** Maximum time until the operator retries a failed attachment, not counting the age of its view. Milliseconds. */
const retryMs = 180_000;

/** Policies that are listed in every one of these versions of an account. */
function commonArns(versions: readonly (LinkedServiceAccount | undefined)[]): readonly string[] {
  const [first = [], ...others] = versions.map((account) => (account ? listedArns(account.spec.aws) : []));
  return first.filter((arn) => others.every((arns) => arns.includes(arn)));
}

export type DetachmentChecks = {
  /** Records which policies of a role the operator attached. Must be called with every change of every role. */
  readonly record: (change: RoleChange) => void;
  readonly check: (change: RoleChange) => void;
};

export function createDetachmentChecks(context: Context): DetachmentChecks {
  const {
    simulation: { aws, time, failures },
    states,
    unawareMs,
    report,
  } = context;
  /** Attachments, as `ROLE ARN`, that callers other than the operator made. */
  const attachedByOthers = new Set<string>();

  function record({ name, before, after, by }: RoleChange): void {
    for (const arn of after?.attachedPolicyArns ?? []) {
      if (before?.attachedPolicyArns.includes(arn)) continue;
      if (by === undefined) attachedByOthers.add(`${name} ${arn}`);
      else attachedByOthers.delete(`${name} ${arn}`);
    }
  }

  function checkReplacements(
    { name, before, by = '' }: RoleChange,
    detached: string,
    attached: readonly string[],
  ): void {
    const droppers = states.accounts(by).filter((seen) => dropsPolicy(seen, detached, states.configs()));
    if (droppers.some(isDeleting)) return;
    // If every recent version of the account without the detached policy names the same new policy, the new policy must
    // have been attached before this detachment. This applies only if the new policy exists and the role has room for it.
    const wanted = commonArns(droppers);
    // If a policy was detached out of band since the last listing, it is still attached in the operator's view. A
    // listing that overlaps a write of the operator does not count, so the operator may need two listings.
    const driftPassMs = unawareMs + 2 * driftIntervalMs;
    const seemsAttached = (arn: string): boolean =>
      states.wasDisturbed(`role ${name}`, driftPassMs) &&
      states.roles(name, driftPassMs).some((past) => past?.attachedPolicyArns.includes(arn));
    // The operator retries a failed attachment only after a delay, and other work does not wait for the retry.
    const triedSince = time.now() - unawareMs - retryMs;
    const failed = (arn: string): boolean =>
      aws.missingPolicies.has(arn) ||
      (aws.missedAt.get(arn) ?? -Infinity) >= triedSince ||
      failures.some(({ what, at }) => what === `iam AttachRolePolicy ${name} ${arn}` && at >= triedSince);
    const missing = wanted.filter((arn) => !before?.attachedPolicyArns.includes(arn));
    const waiting = missing.filter(
      (arn) =>
        !seemsAttached(arn) && !failed(arn) && states.configs().every((config) => isAllowed(arn, config)),
    );
    // While the operator has not observed that a policy was detached out of band, it still counts this policy towards
    // the limit of policies per role.
    const unseen = missing.filter(seemsAttached);
    const hasRoom = attached.length + unseen.length + waiting.length <= policiesPerRole;
    if (waiting.length > 0 && hasRoom && wanted.length <= policiesPerRole)
      report('gap', `${detached} was detached from ${name} before ${waiting.join(', ')} was attached`);
  }

  function check(change: RoleChange): void {
    const { name, before, after, by = '' } = change;
    const detached = before?.attachedPolicyArns.find((arn) => !after?.attachedPolicyArns.includes(arn));
    if (!before || detached === undefined) return;
    const isTheirs = attachedByOthers.has(`${name} ${detached}`);
    if (!isTheirs && !states.accounts(by).some((seen) => dropsPolicy(seen, detached, states.configs())))
      report('narrowing', `${detached} was detached from ${name}, although ${by} lists it`);
    checkReplacements(change, detached, before.attachedPolicyArns);
  }

  return { record, check };
}
