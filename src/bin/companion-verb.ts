/** In the single-file executable, `kon __program NAME` runs another program that is shipped with `kon`. */
export const companionVerb = '__program';
