/**
 * A command is data, so that the parser, help, completion and the reference all derive from one description.
 *
 * `kon NOUN VERB` is `commands/NOUN/VERB.ts`, or a folder of that name: `command.ts` describes it and is loaded on every start,
 * `handler.ts` runs it, and the other files are what it alone uses. What is heavy is imported inside `run`.
 */
import type { CliContext } from './context.ts';
import type { ExitCode } from './exit-codes.ts';
import { formatsOf, type OutputFormat, type Returned } from './output/format.ts';

/** Completion of a value. Names of objects come from the cluster, within a hard time limit. */
export type Completion =
  | 'accounts'
  | 'apps'
  | 'targets'
  | 'contexts'
  | 'files'
  | 'policies'
  | { readonly choices: readonly string[] };

export type Positional = {
  /** kebab-case; `input.args` has it in camelCase. Shown in upper case. */
  readonly name: string;
  readonly summary: string;
  readonly required?: boolean;
  /** Takes all that remain. Only the last positional may. After `--` they may begin with a dash. */
  readonly variadic?: boolean;
  readonly complete?: Completion;
};

export type Option = {
  /** The long name without dashes, kebab-case; `input.options` has it in camelCase. */
  readonly name: string;
  readonly short?: string;
  readonly summary: string;
  /** The placeholder of the value, e.g. `ARN`. Absent: a flag. */
  readonly value?: string;
  /** May be given more than once; the values are collected. */
  readonly repeatable?: boolean;
  readonly choices?: readonly string[];
  /** Turns text into what the command wants. @throws CliError of code USAGE, see `usageError`. */
  readonly parse?: (text: string) => unknown;
  /** As text, before `parse`. */
  readonly default?: string;
  readonly complete?: Completion;
};

export type Example = {
  readonly command: string;
  /** Summary as a sentence without full stop. */
  readonly does: string;
};

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type SingleValue<O extends Option> = O extends { parse: (text: string) => infer Parsed } ? Parsed : string;
type OptionValue<O extends Option> = O extends { value: string }
  ? O extends { repeatable: true }
    ? readonly SingleValue<O>[]
    : O extends { default: string }
      ? SingleValue<O>
      : SingleValue<O> | undefined
  : boolean;

type PositionalValue<P extends Positional> = P extends { variadic: true }
  ? readonly string[]
  : P extends { required: true }
    ? string
    : string | undefined;

/** Arguments of `run`: every declared positional and option under its camelCase name. */
export type Input<P extends readonly Positional[], O extends readonly Option[]> = {
  readonly args: { readonly [Each in P[number] as CamelCase<Each['name']>]: PositionalValue<Each> };
  readonly options: { readonly [Each in O[number] as CamelCase<Each['name']>]: OptionValue<Each> };
};

type Description<P extends readonly Positional[], O extends readonly Option[]> = {
  /** The words that call it, e.g. `['account', 'create']`. */
  readonly path: readonly string[];
  /** One line, imperative, without full stop. */
  readonly summary: string;
  /** Paragraphs that follow the summary in help and reference. */
  readonly description?: string;
  readonly positionals?: P;
  readonly options?: O;
  /** Determines the formats of `--output`. Without it, `--output` is refused. */
  readonly returns?: Returned;
  /** Finishes its work after the reader of its output has closed the pipe: `kon apply -f FILE | grep -q created`. */
  readonly mutates?: boolean;
  /** Answers by its exit code, 0 for yes and 1 for no. A failure to find out is neither, and exits with 3. */
  readonly isQuestion?: boolean;
  readonly examples: readonly Example[];
  /** Not shown in help, completion or reference. */
  readonly hidden?: boolean;
};

export type CommandDefinition<P extends readonly Positional[], O extends readonly Option[]> = Description<
  P,
  O
> & {
  /** @returns the exit code, 0 by default; failures are thrown. */
  readonly run: (context: CliContext, input: Input<P, O>) => Promise<ExitCode | void>;
};

/** A command whose types of input were forgotten, as the registry holds it. */
export type Command = Description<readonly Positional[], readonly Option[]> & {
  readonly positionals: readonly Positional[];
  readonly options: readonly Option[];
  /** The default first. */
  readonly formats?: readonly OutputFormat[];
  readonly run: (context: CliContext, input: ParsedInput) => Promise<ExitCode | void>;
};

export type ParsedInput = {
  readonly args: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
};

/** Checks the description's types against its `run`, then forgets them: the parser builds the input from the same description. */
export function defineCommand<
  const P extends readonly Positional[] = readonly [],
  const O extends readonly Option[] = readonly [],
>(definition: CommandDefinition<P, O>): Command {
  const { positionals, options, run, ...rest } = definition;
  return {
    ...rest,
    positionals: positionals ?? [],
    options: options ?? [],
    ...(rest.returns === undefined ? {} : { formats: formatsOf[rest.returns] }),
    run: run as Command['run'],
  };
}

/** Group of commands: `kon account …`. */
export type CommandGroup = { readonly path: readonly string[]; readonly summary: string };

export function camelCase(name: string): string {
  return name.replaceAll(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}
