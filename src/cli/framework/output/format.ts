/** The formats of `--output`. `table` is what a person reads, and what is meant when the option is absent. */
export const outputFormats = ['table', 'wide', 'json', 'yaml', 'name'] as const;

/** `short`: only what is wrong, for commands that check. */
export const allFormats = [...outputFormats, 'short'] as const;
export type OutputFormat = (typeof allFormats)[number];

/** An object as a program reads it. */
export type MachineFormat = Exclude<OutputFormat, 'table' | 'wide' | 'short'>;

export function isMachineFormat(format: OutputFormat): format is MachineFormat {
  return format === 'json' || format === 'yaml' || format === 'name';
}
