/** Entry of a registry of condition reasons: the meaning of a reason, and whether it requires a user action. */

type UserAction = { readonly meaning: string; readonly requiresUserAction: true };

/** A string is the meaning of a reason that disappears without a user action. */
export type Reason = string | UserAction;

/** A reason that persists until a user changes something. Commands stop waiting when they see it. */
export const userAction = (meaning: string): UserAction => ({ meaning, requiresUserAction: true });

export const meaningOf = (reason: Reason): string => (typeof reason === 'string' ? reason : reason.meaning);

/** Whether a reason in any of the registries requires a user action; false for an unknown reason. */
export function requiresUserAction(
  reason: string,
  registries: readonly Readonly<Record<string, Reason>>[],
): boolean {
  return registries.some((registry) => typeof registry[reason] === 'object');
}
