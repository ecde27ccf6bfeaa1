/** `kon __program NAME` runs another program that is shipped with `kon`, in the single-file executable. */
export const companionVerb = '__program';
