/** `kon __program NAME`: how the one-file executable is told to be another program of those that ship with it. */
export const companionVerb = '__program';
