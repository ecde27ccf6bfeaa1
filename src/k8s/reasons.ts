/** Entry in a registry of condition reasons, for a reason that requires a user action. */

type UserAction = { readonly meaning: string; readonly requiresUserAction: true };

/**
 * Entry in a registry of condition reasons. If a reason goes away without a user action, its entry is a string: the
 * meaning of the reason. Otherwise, its entry is a `UserAction`.
 */
export type Reason = string | UserAction;

/**
 * Creates the entry of a reason that persists until a user changes something. Commands stop waiting when they read such
 * a reason.
 */
export const userAction = (meaning: string): UserAction => ({ meaning, requiresUserAction: true });

export const meaningOf = (reason: Reason): string => (typeof reason === 'string' ? reason : reason.meaning);

/** Whether the reason requires a user action according to any of the registries; false for an unknown reason. */
export function requiresUserAction(
  reason: string,
  registries: readonly Readonly<Record<string, Reason>>[],
): boolean {
  return registries.some((registry) => typeof registry[reason] === 'object');
}
