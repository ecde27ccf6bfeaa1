/** The formats of `--output`. `table` is what a person reads, and what is meant when the option is absent. */
export const outputFormats = ['table', 'wide', 'json', 'yaml', 'name'] as const;

/** `short`: only what is wrong, for commands that check. */
export const allFormats = [...outputFormats, 'short'] as const;
export type OutputFormat = (typeof allFormats)[number];
