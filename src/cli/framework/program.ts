/** Builds the parser from the registry, and parses a command line into a command and its input. */
import { Argument, Command as Parser, CommanderError, Help, Option as ParserOption } from 'commander';
import { camelCase, type Command, type CommandGroup, type Option, type ParsedInput } from './command.ts';
import { type CliError, usageError } from './errors.ts';
import { globalOptions } from './global-options.ts';
import type { GlobalOptions } from './context.ts';
import { allFormats, type OutputFormat } from './output/format.ts';

export type Invocation =
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly input: ParsedInput;
      readonly global: GlobalOptions;
    }
  /** Help or version that the user requested instead of a command. */
  | { readonly kind: 'text'; readonly text: string }
  /** Help of a noun without a verb, as the answer to an incomplete command line. */
  | { readonly kind: 'incomplete'; readonly text: string };

export type Vocabulary = { readonly commands: readonly Command[]; readonly groups: readonly CommandGroup[] };

/** Width of help when the width of the terminal is unknown. */
const helpWidth = 100;

export async function parseCommandLine(
  argv: readonly string[],
  whole: Vocabulary,
  version: string,
): Promise<Invocation> {
  const vocabulary = needed(argv, whole);
  let written = '';
  let invocation: Invocation | undefined;

  const root = new Parser('kon')
    .description(
      'Apps on Amazon EKS name an account; their pods hold exactly the AWS permissions that the account lists.',
    )
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void (written += text),
      writeErr: (text) => void (written += text),
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true);
  for (const option of globalOptions) root.addOption(parserOption(option));

  const nodes = new Map<string, Parser>([['', root]]);
  const groups = new Map(vocabulary.groups.map((group) => [group.path.join(' '), group]));
  const nodeAt = (path: readonly string[]): Parser => {
    const key = path.join(' ');
    const known = nodes.get(key);
    if (known) return known;
    const group = groups.get(key);
    if (!group) throw new Error(`the command group "${key}" has no description`);
    const node = nodeAt(path.slice(0, -1))
      .command(path.at(-1)!)
      .summary(group.summary)
      .description(`${group.summary}.`);
    nodes.set(key, node);
    return node;
  };

  for (const command of vocabulary.commands) {
    const parser = nodeAt(command.path.slice(0, -1)).command(command.path.at(-1)!, {
      hidden: command.hidden ?? false,
    });
    describe(parser, command);
    parser.action(() => {
      invocation = {
        kind: 'run',
        command,
        input: inputOf(command, parser),
        global: globalsOf(command, root),
      };
    });
  }

  try {
    await root.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version')
      return { kind: 'text', text: written };
    // The user gave a group without a verb, or `kon help nonsense`.
    if (error.code === 'commander.help')
      return argv.length === 0 || error.exitCode === 0
        ? { kind: 'text', text: written }
        : { kind: 'incomplete', text: written };
    throw usageFault(error, argv, vocabulary);
  }
  if (!invocation) throw new Error('the command line was parsed, but no command was chosen');
  return invocation;
}

/** Selects only the command that the line begins with, if any, because parsers for all commands take longer to build. */
function needed(argv: readonly string[], { commands, groups }: Vocabulary): Vocabulary {
  const command = commands.find(({ path }) => path.every((word, index) => argv[index] === word));
  return { commands: command ? [command] : commands, groups };
}

function describe(parser: Parser, command: Command): void {
  parser.summary(command.summary);
  parser.description([`${command.summary}.`, command.description].filter(Boolean).join('\n\n'));
  for (const positional of command.positionals) {
    const name = `${positional.name}${positional.variadic ? '...' : ''}`;
    parser.addArgument(new Argument(positional.required ? `<${name}>` : `[${name}]`, positional.summary));
  }
  for (const option of command.options) parser.addOption(parserOption(option));
  if (command.options.some(({ name }) => name === 'no-wait')) parser.addOption(kubectlWait());
  parser.configureHelp(helpWith(command.formats));
  if (command.examples.length > 0) {
    const lines = command.examples.map((example) => `  # ${example.does}\n  ${example.command}`);
    parser.addHelpText('after', `\nExamples:\n${lines.join('\n\n')}\n`);
  }
}

/** Limits the help of `--output` to the formats of the command. */
function helpWith(formats: Command['formats']): Partial<Help> {
  const usual = Object.assign(new Help(), { showGlobalOptions: true });
  return {
    showGlobalOptions: true,
    visibleGlobalOptions(parser) {
      const all = usual.visibleGlobalOptions(parser);
      return formats ? all : all.filter(({ long }) => long !== '--output');
    },
    optionDescription(option) {
      return formats && option.long === '--output'
        ? `output format: ${formats.join(', ')}`
        : usual.optionDescription(option);
    },
  };
}

/** Flags as shown in help: `-f, --filename FILE`. */
export function optionFlags(option: Option): string {
  const long = option.value ? `--${option.name} <${option.value}>` : `--${option.name}`;
  return option.short ? `-${option.short}, ${long}` : long;
}

function parserOption(option: Option): ParserOption {
  const result = new ParserOption(optionFlags(option), option.summary);
  if (option.choices) result.choices([...option.choices]);
  if (option.default !== undefined) {
    const { default: text, parse } = option;
    result.default(option.repeatable ? [parse ? parse(text) : text] : parse ? parse(text) : text, text);
  }
  const { parse, repeatable, choices } = option;
  if (parse || repeatable) {
    // The first given value replaces the default; the others are appended.
    let given: unknown[] = [];
    result.argParser((text: string) => {
      if (choices && !choices.includes(text))
        throw usageError(`--${option.name} does not accept ${text}`, `Choose one of: ${choices.join(', ')}.`);
      const value: unknown = parse ? parse(text) : text;
      if (!repeatable) return value;
      given = [...given, value];
      return given;
    });
  }
  return result;
}

/** `--wait=false`, which users of kubectl know instead of `--no-wait`. */
function kubectlWait(): ParserOption {
  return new ParserOption('--wait <BOOLEAN>').hideHelp().argParser((text: string) => {
    if (text !== 'true' && text !== 'false')
      throw usageError(`--wait does not accept ${text}`, 'Use --no-wait, or omit it.');
    return text === 'true';
  });
}

function inputOf(command: Command, parser: Parser): ParsedInput {
  const args: Record<string, unknown> = {};
  const values: readonly unknown[] = parser.processedArgs;
  command.positionals.forEach((positional, index) => {
    args[camelCase(positional.name)] = values[index] ?? (positional.variadic ? [] : undefined);
  });
  return { args, options: optionValues(command.options, parser.opts()) };
}

function optionValues(
  options: readonly Option[],
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const option of options) {
    const key = camelCase(option.name);
    // False is the value of the negated flag, e.g. `--no-account` beside `--account NAME`.
    if (option.value)
      values[key] = given[key] === false ? undefined : (given[key] ?? (option.repeatable ? [] : undefined));
    // The parser stores `--no-wait` as `wait`, which is true unless the flag is given.
    else if (option.name.startsWith('no-')) values[key] = given[camelCase(option.name.slice(3))] === false;
    else values[key] = given[key] === true;
  }
  return values;
}

function globalsOf(command: Command, root: Parser): GlobalOptions {
  const values = optionValues(globalOptions, root.opts());
  const output = values['output'] as OutputFormat | undefined;
  if (output !== undefined && !allFormats.includes(output))
    throw usageError(
      `--output does not accept ${output}`,
      ...(command.formats ? [`Choose one of: ${command.formats.join(', ')}.`] : []),
    );
  if (output !== undefined && !command.formats?.includes(output)) {
    const name = `kon ${command.path.join(' ')}`;
    throw command.formats
      ? usageError(
          `${name} does not support --output ${output}`,
          `Choose one of: ${command.formats.join(', ')}.`,
        )
      : usageError(`${name} does not support --output`);
  }
  return {
    context: values['context'] as string | undefined,
    kubeconfig: values['kubeconfig'] as string | undefined,
    output,
    color: values['noColor'] !== true,
    verbose: values['verbose'] === true,
  };
}

function usageFault(error: CommanderError, argv: readonly string[], vocabulary: Vocabulary): CliError {
  const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = more.map((line) => line.replace(/^\((.*)\)$/, '$1')).filter(Boolean);
  return usageError(message, ...suggestion, `Run: ${nearestHelp(argv, vocabulary)}`);
}

/** Help of the longest command or group that the words begin with. */
function nearestHelp(argv: readonly string[], vocabulary: Vocabulary): string {
  const paths = [...vocabulary.commands, ...vocabulary.groups].map((each) => each.path);
  const words = argv.filter((word) => !word.startsWith('-'));
  const matching = paths
    .filter((path) => path.every((word, index) => words[index] === word))
    .toSorted((a, b) => b.length - a.length);
  return ['kon', ...(matching[0] ?? []), '--help'].join(' ');
}
