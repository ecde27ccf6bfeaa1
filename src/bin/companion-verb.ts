/**
 * Hidden command of the single-file executable: `kon __program NAME` runs a program that is shipped together with
 * `kon`.
 */
export const companionVerb = '__program';
