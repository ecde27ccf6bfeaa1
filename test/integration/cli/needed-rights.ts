/**
 * Finds the permissions in an IAM policy that recorded calls did not need: every call would still be allowed without
 * such a permission.
 */
import { evaluateIdentity } from '../../../src/policy/evaluate.ts';
import { parseIdentityDocument } from '../../../src/policy/identity-document.ts';
import type { EvaluationRequest } from '../../../src/policy/model.ts';

type Statement = {
  readonly Sid: string;
  readonly Action: readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
};
export type Policy = { readonly Version: string; readonly Statement: readonly Statement[] };

/**
 * A policy that lacks one permission of the original policy: an action of a statement, or one of the statement's
 * resources.
 */
type Reduced = { readonly right: string; readonly policy: Policy };

export function withoutEachRight(policy: Policy): readonly Reduced[] {
  return policy.Statement.flatMap((statement, index) => {
    const replaced = (by: Partial<Statement>): Policy => ({
      ...policy,
      Statement: policy.Statement.flatMap((each, at) => {
        if (at !== index) return [each];
        const reduced = { ...each, ...by };
        return reduced.Action.length === 0 ? [] : [reduced];
      }),
    });
    const { Sid, Action, Resource } = statement;
    const without = <T>(items: readonly T[], item: T): readonly T[] => items.filter((each) => each !== item);
    return [
      ...Action.map((action) => ({
        right: `${Sid}: ${action}`,
        policy: replaced({ Action: without(Action, action) }),
      })),
      ...alternatives(Resource).map((resource) => ({
        right: `${Sid}: ${resource}`,
        policy: replaced({ Resource: without(alternatives(Resource), resource) }),
      })),
    ];
  });
}

/**
 * Returns the resources that can be removed from a statement. The only resource of a statement is not removed: that
 * resource is needed if one of the actions is needed.
 */
const alternatives = (given: Statement['Resource']): readonly string[] =>
  typeof given === 'string' || given.length === 1 ? [] : given;

/** @param checked permissions that the emulator checked for a caller who has exactly this policy */
export function unneededRights(policy: Policy, checked: readonly EvaluationRequest[]): readonly string[] {
  const decides = (by: Policy): ((permission: EvaluationRequest) => boolean) => {
    const document = parseIdentityDocument(JSON.stringify(by), 'identity');
    return (permission) =>
      evaluateIdentity(permission, { identity: [{ id: 'least', document }] }).decision === 'allowed';
  };
  const needed = checked.filter(decides(policy));
  return withoutEachRight(policy)
    .filter((reduced) => needed.every(decides(reduced.policy)))
    .map(({ right }) => right);
}
