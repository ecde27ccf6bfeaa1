/** Entries of the registries of condition reasons: what a reason means, and whether it goes by itself. */

type UserAction = { readonly meaning: string; readonly requiresUserAction: true };

/** A meaning alone: it goes by itself, or with what it waits for. */
export type Reason = string | UserAction;

/** A reason under which nothing changes before a person has changed something. Commands stop waiting there. */
export const userAction = (meaning: string): UserAction => ({ meaning, requiresUserAction: true });

export const meaningOf = (reason: Reason): string => (typeof reason === 'string' ? reason : reason.meaning);

/** Of a reason in any of the registries; false for one that is in none. */
export function requiresUserAction(
  reason: string,
  registries: readonly Readonly<Record<string, Reason>>[],
): boolean {
  return registries.some((registry) => typeof registry[reason] === 'object');
}
