/**
 * Definition of commands as data: the parser, help, completion and the reference are derived from one description. Each
 * start of `kon` loads the entries of all commands: `commands/NOUN/index.ts` and registry.ts. The command `kon NOUN
 * VERB` is in `commands/NOUN/VERB.ts` or in a folder of that name. In the folder, `command.ts` contains the definition
 * and is loaded only for that command, `handler.ts` runs the command, and `handler.ts` uses the other files. Heavy
 * modules are imported inside `run`.
 */
import type { CliContext } from './context.ts';
import type { ExitCode } from './exit-codes.ts';
import type { ObjectNoun } from './object-name.ts';
import { formatsOf, type OutputFormat, type Returned } from './output/format.ts';

/** Kind of completion for a value. Names of objects are read from the cluster, within a hard time limit. */
export type Completion =
  | 'accounts'
  | 'apps'
  | 'targets'
  | 'contexts'
  | 'files'
  | 'policies'
  /** Error codes and reasons, from the list that is bundled with kon. */
  | 'codes'
  | { readonly choices: readonly string[] };

export type Positional = {
  /** Name in kebab-case. Help shows it in upper case. */
  readonly name: string;
  readonly summary: string;
  readonly required?: boolean;
  /**
   * Accepts all remaining arguments. Only the last positional can be variadic. Arguments after `--` may begin with a
   * dash.
   */
  readonly variadic?: boolean;
  /** Kind of the object that the argument names. The parser accepts forms such as `lsa/NAME`, and returns the name. */
  readonly names?: ObjectNoun;
  readonly complete?: Completion;
};

export type Option = {
  /** Long name without dashes, in kebab-case. */
  readonly name: string;
  readonly short?: string;
  readonly summary: string;
  /** Placeholder for the value, e.g. `ARN`. An option without a placeholder is a flag. */
  readonly value?: string;
  /**
   * Values that a flag accepts after an equals sign, the default first: `--dry-run` means `--dry-run=server`.
   * `input.options` contains only whether the flag is given.
   */
  readonly modes?: readonly string[];
  /** Whether the option may be given more than once; its values are collected. */
  readonly repeatable?: boolean;
  readonly choices?: readonly string[];
  /** Converts the text to the value that the command needs. @throws CliError of code USAGE, see `usageError`. */
  readonly parse?: (text: string) => unknown;
  /** Default value as text, before `parse` converts it. */
  readonly default?: string;
  /** Kind of the object that the option's value names. The parser treats the value like the name in a positional. */
  readonly names?: ObjectNoun;
  readonly complete?: Completion;
};

/** Positionals of a definition by name, in order. `input.args` has the names in camelCase. */
export type Positionals = Readonly<Record<string, Omit<Positional, 'name'>>>;
/** Options of a definition by name. `input.options` has the names in camelCase. */
export type Options = Readonly<Record<string, Omit<Option, 'name'>>>;
/** Command lines by description. A description is a sentence without full stop. */
export type Examples = Readonly<Record<string, string>>;

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type SingleValue<O> = O extends { parse: (text: string) => infer Parsed }
  ? Parsed
  : O extends { choices: readonly (infer Choice extends string)[] }
    ? Choice
    : string;
type OptionValue<O> = O extends { value: string }
  ? O extends { repeatable: true }
    ? readonly SingleValue<O>[]
    : O extends { default: string }
      ? SingleValue<O>
      : SingleValue<O> | undefined
  : boolean;

type PositionalValue<P> = P extends { variadic: true }
  ? readonly string[]
  : P extends { required: true }
    ? string
    : string | undefined;

/** Values of options under their camelCase names. */
export type OptionValues<O extends Options> = {
  readonly [Name in keyof O & string as CamelCase<Name>]: OptionValue<O[Name]>;
};

/** Input of `run`: every declared positional and option under its camelCase name. */
type Input<P extends Positionals, O extends Options> = {
  readonly args: { readonly [Name in keyof P & string as CamelCase<Name>]: PositionalValue<P[Name]> };
  readonly options: OptionValues<O>;
};

/** Part of a command that each start of `kon` loads: its words and summary. */
export type CommandEntry = {
  /** Words that select the command, e.g. `['account', 'create']`. */
  readonly path: readonly string[];
  /** Words that the parser accepts instead of the last word of the path, e.g. `ls`. Help lists these words. */
  readonly aliases?: readonly string[];
  /** Heading of the command in `kon --help`, for commands without a group. */
  readonly section?: HelpSection;
  /** Summary of the command in one line: imperative, without full stop. */
  readonly summary: string;
  /** Whether the command is omitted from help, completion and reference. */
  readonly hidden?: boolean;
  readonly load: () => Promise<LoadedDefinition>;
};

/** Returns the entries of the commands `kon NOUN VERB`, in the order of the verbs. */
export function commandsOf(
  noun: string,
  verbs: Readonly<Record<string, Omit<CommandEntry, 'path'>>>,
): readonly CommandEntry[] {
  return Object.entries(verbs).map(([verb, entry]) => ({ path: [noun, verb], ...entry }));
}

type Description = {
  /** Paragraphs after the summary in help and reference. */
  readonly description?: string;
  /** Kind of result, which determines the formats of `--output`. A command without this field refuses `--output`. */
  readonly returns?: Returned;
  /**
   * Whether the command can change anything. If so, the command completes its work even after the reader of its output
   * has closed the pipe: `kon apply -f FILE | grep -q created`.
   */
  readonly mutates?: boolean;
  /** Whether the exit code is the answer: 0 for yes, 1 for no. Failures exit with 3. */
  readonly isQuestion?: boolean;
};

type CommandDefinition<P extends Positionals, O extends Options> = Description & {
  readonly positionals?: P;
  readonly options?: O;
  readonly examples: Examples;
  /** @returns the exit code, 0 by default; failures are thrown. */
  readonly run: (context: CliContext, input: Input<P, O>) => Promise<ExitCode | void>;
};

/** Definition of a command whose input types are erased. */
export type LoadedDefinition = Description & {
  readonly positionals: readonly Positional[];
  readonly options: readonly Option[];
  readonly examples: readonly { readonly does: string; readonly command: string }[];
  /** Output formats of the command, the default first. */
  readonly formats?: readonly OutputFormat[];
  readonly run: (context: CliContext, input: ParsedInput) => Promise<ExitCode | void>;
};

export type Command = CommandEntry & LoadedDefinition;

export async function loadCommand(entry: CommandEntry): Promise<Command> {
  return { ...entry, ...(await entry.load()) };
}

export type ParsedInput = {
  readonly args: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
};

/**
 * Checks the types of `run` against the description, then erases the types. This is safe because the parser builds the
 * input from the same description.
 */
export function defineCommand<
  const P extends Positionals = Readonly<Record<string, never>>,
  const O extends Options = Readonly<Record<string, never>>,
>(definition: CommandDefinition<P, O>): LoadedDefinition {
  const { positionals = {}, options = {}, examples, run, ...rest } = definition;
  return {
    ...rest,
    positionals: Object.entries<Positionals[string]>(positionals).map(([name, positional]) => ({
      name,
      ...positional,
    })),
    options: Object.entries<Options[string]>(options).map(([name, option]) => ({ name, ...option })),
    examples: Object.entries(examples).map(([does, command]) => ({ does, command })),
    ...(rest.returns === undefined ? {} : { formats: formatsOf[rest.returns] }),
    run: run as LoadedDefinition['run'],
  };
}

/** Headings of `kon --help`, in their order. */
export const helpSections = ['Everyday commands:', 'Cluster:', 'Local sandbox:', 'Other commands:'] as const;
export type HelpSection = (typeof helpSections)[number];

/** Group of commands: `kon account …`. */
export type CommandGroup = {
  readonly path: readonly string[];
  readonly aliases?: readonly string[];
  readonly section?: HelpSection;
  readonly summary: string;
  /** Advice by verb, for verbs that users may try but the group does not have. */
  readonly advice?: Readonly<Record<string, string>>;
};

export type Vocabulary = {
  readonly commands: readonly CommandEntry[];
  readonly groups: readonly CommandGroup[];
};

export function camelCase(name: string): string {
  return name.replaceAll(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}
