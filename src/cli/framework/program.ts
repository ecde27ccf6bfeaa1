/** Builds the parser from the registry, and parses a command line into a command and its input. */
import { Argument, Command as Parser, CommanderError, Help, Option as ParserOption } from 'commander';
import {
  camelCase,
  loadCommand,
  type Command,
  type CommandEntry,
  type Option,
  type ParsedInput,
  type Vocabulary,
} from './command.ts';
import { usageError } from './errors.ts';
import { globalOptions } from './global-options.ts';
import type { GlobalOptions } from './context.ts';
import { objectName, type ObjectNoun } from './object-name.ts';
import { allFormats, shownFormat, templateFormats, type OutputFormat } from './output/format.ts';

export type Invocation =
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly input: ParsedInput;
      readonly global: GlobalOptions;
    }
  /** Help or version that the user requested instead of a command. */
  | { readonly kind: 'text'; readonly text: string }
  /** Help for an incomplete command line: a noun without a verb. */
  | { readonly kind: 'incomplete'; readonly text: string };

/** Maximum width of help, because longer lines are hard to read. Also the width without a terminal. */
const helpWidth = 100;
/**
 * Minimum width of a description beside its option. If there is less room, the description is printed below the option.
 */
const leastDescription = 30;

/** @param columns width of the terminal; undefined without one */
export async function parseCommandLine(
  given: readonly string[],
  whole: Vocabulary,
  version: string,
  columns?: number,
): Promise<Invocation> {
  const leading = leadingEntry(given, whole);
  const { argv, entry } = leading
    ? { argv: given, entry: leading }
    : (await import('./command-words.ts')).resolveCommandLine(given, whole);
  const chosen = entry && (await loadCommand(entry));
  const width = Math.min(columns ?? helpWidth, helpWidth);
  let written = '';
  let invocation: Invocation | undefined;

  const root = new Parser('kon')
    .description(
      'Apps on Amazon EKS name an account; their pods hold exactly the AWS permissions that the account lists.',
    )
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .commandsGroup('Other commands:')
    .helpCommand('help [command]', 'Show help for a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void (written += text),
      writeErr: (text) => void (written += text),
      getOutHelpWidth: () => width,
      getErrHelpWidth: () => width,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp(helpLayout)
    .showSuggestionAfterError(true)
    .addHelpText('after', getStarted);
  for (const option of globalOptions) root.addOption(parserOption(option));

  const nodes = new Map<string, Parser>([['', root]]);
  const groups = new Map(whole.groups.map((group) => [group.path.join(' '), group]));
  const nodeAt = (path: readonly string[]): Parser => {
    const key = path.join(' ');
    const known = nodes.get(key);
    if (known) return known;
    const group = groups.get(key);
    if (!group) throw new Error(`the command group "${key}" has no description`);
    const node = nodeAt(path.slice(0, -1))
      .command(path.at(-1)!)
      .summary(group.summary)
      .helpGroup(group.section ?? '')
      .description([`${group.summary}.`, aliasesText(group)].filter(Boolean).join('\n\n'));
    nodes.set(key, node);
    return node;
  };

  const parserOf = ({ path, summary, section, hidden = false }: CommandEntry): Parser =>
    nodeAt(path.slice(0, -1))
      .command(path.at(-1)!, { hidden })
      .summary(summary)
      .helpGroup(section ?? '');
  // Parsers for all commands take long to build. Only help and faulty command lines need them.
  for (const other of leading ? [] : whole.commands)
    if (other !== entry)
      parserOf(other).allowExcessArguments().allowUnknownOption().action(optionsEndedEarly);
  if (chosen) {
    const parser = parserOf(chosen);
    describe(parser, chosen);
    parser.action(() => {
      invocation = {
        kind: 'run',
        command: chosen,
        input: inputOf(chosen, parser),
        global: globalsOf(chosen, parser, root),
      };
    });
  }
  try {
    await root.parseAsync(chosen ? withModes(argv, chosen) : [...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version')
      return { kind: 'text', text: written };
    // The user entered a group without a verb, or `kon help nonsense`.
    if (error.code === 'commander.help')
      return argv.length === 0 || error.exitCode === 0
        ? { kind: 'text', text: written }
        : { kind: 'incomplete', text: written };
    // Loaded only for a faulty command line, because every command has to start fast.
    throw (await import('./usage-fault.ts')).usageFault(error, argv, whole, chosen);
  }
  if (!invocation) throw new Error('the command line was parsed, but no command was chosen');
  return invocation;
}

/** If the first words of the command line are exactly the words of a command in the registry, returns this command. */
function leadingEntry(argv: readonly string[], { commands }: Vocabulary): CommandEntry | undefined {
  return commands.find(({ path }) => path.every((word, index) => argv[index] === word));
}

/** Refuses `--` before the command, as in `kon -- account list`. */
function optionsEndedEarly(): never {
  throw usageError(
    '"--" precedes the command',
    'Write the command first, then its options, then -- and the other arguments.',
  );
}

/**
 * Adds the default mode to options that are given without a mode: `--dry-run` becomes `--dry-run=server`. Otherwise the
 * parser would take the next word as the mode.
 *
 * @throws CliError of code USAGE if a mode is given as the next word
 */
function withModes(argv: readonly string[], { options }: Command): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, index) => {
    const option = options.find(({ name, modes }) => modes && word === `--${name}`);
    if (!option?.modes || (end >= 0 && index > end)) return word;
    const next = argv[index + 1] ?? '';
    if (option.modes.includes(next))
      throw usageError(
        `"${next}" after ${word} is read as an argument, not as the value of ${word}`,
        `If "${next}" is the value of ${word}, write: ${word}=${next}`,
        `If "${next}" is the name of an object, write the name before ${word}.`,
      );
    return `${word}=${option.modes[0]}`;
  });
}

function describe(parser: Parser, command: Command): void {
  parser.description(
    [`${command.summary}.`, command.description, aliasesText(command)].filter(Boolean).join('\n\n'),
  );
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

const getStarted = `
Get started:
  # Try it on this machine, with a local cluster and an AWS emulator
  kon sandbox tour

  # Install it on the cluster of the kubeconfig
  kon install --dry-run

  # See what runs and what needs attention
  kon status

kubectl's words work too: kon get accounts, kon describe app/myapp, kon delete lsa myaccount.
`;

/** Returns the line for help, e.g. `Aliases: ls, get.` */
export function aliasesText({ aliases }: Pick<Command, 'aliases'>): string | undefined {
  return aliases && aliases.length > 0 ? `Aliases: ${aliases.join(', ')}.` : undefined;
}

const helpLayout: Partial<Help> = {
  showGlobalOptions: true,
  minWidthToWrap: leastDescription,
  formatHelp(parser, helper) {
    const text = Help.prototype.formatHelp.call(helper, parser, helper);
    if (parser.commands.length === 0) return text;
    // In the help of a group, the options move to the end, because users look for the group's commands.
    const sections = text.trimEnd().split(/\n\n(?=\S)/);
    const options = sections.filter((section) => /^(Global )?Options:/.test(section));
    return `${[...sections.filter((section) => !options.includes(section)), ...options].join('\n\n')}\n`;
  },
  formatItem(term, termWidth, description, helper) {
    const width = (helper.helpWidth ?? helpWidth) - 2;
    if (!description || width - termWidth - 2 >= leastDescription)
      return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
    const below = helper.boxWrap(description, width - 4).replaceAll(/^/gm, ' '.repeat(6));
    return `  ${term}\n${below}`;
  },
};

/** Limits the help text of `--output` to the formats of the command. */
function helpWith(formats: Command['formats']): Partial<Help> {
  const usual = Object.assign(new Help(), { showGlobalOptions: true });
  return {
    ...helpLayout,
    visibleGlobalOptions(parser) {
      const all = usual.visibleGlobalOptions(parser);
      return formats ? all : all.filter(({ long }) => long !== '--output');
    },
    optionDescription(option) {
      return formats && option.long === '--output'
        ? `output format: ${formats.map(shownFormat).join(', ')}`
        : usual.optionDescription(option);
    },
  };
}

/** Returns an option's flags as shown in help: `-f, --filename <FILE>`, `--dry-run[=MODE]`. */
export function optionFlags(option: Option): string {
  const value = option.value ? ` <${option.value}>` : option.modes ? '[=MODE]' : '';
  const long = `--${option.name}${value}`;
  return option.short ? `-${option.short}, ${long}` : long;
}

function parserOption(option: Option): ParserOption {
  const flags = optionFlags(option);
  const result = new ParserOption(flags.replace('[=', ' ['), option.summary);
  result.flags = flags;
  if (option.choices) result.choices([...option.choices]);
  if (option.default !== undefined) {
    const { default: text, parse } = option;
    result.default(option.repeatable ? [parse ? parse(text) : text] : parse ? parse(text) : text, text);
  }
  const { repeatable, choices, names } = option;
  if (option.modes) result.choices([...option.modes]);
  if (!option.value) return result;
  const parse = (text: string): unknown => {
    const value = names ? objectName(names, text) : text;
    return option.parse ? option.parse(value) : value;
  };
  const checkChoice = result.parseArg as ((text: string) => unknown) | undefined;
  // The first value that the user gives replaces the default; further values are appended.
  let given: unknown[] = [];
  let first: string | undefined;
  result.argParser((text: string) => {
    if (choices && repeatable && !choices.includes(text))
      throw usageError(`--${option.name} does not accept ${text}`, `Choose one of: ${choices.join(', ')}.`);
    if (choices && !repeatable) checkChoice?.(text);
    const value: unknown = parse(text);
    if (repeatable) {
      given = [...given, value];
      return given;
    }
    // Global options may be repeated, because a shell alias may already contain one that the user gives again.
    if (first !== undefined && first !== text && !globalOptions.includes(option))
      throw usageError(`--${option.name} was given twice: "${first}" and "${text}"`, 'Pass it once.');
    first = text;
    return value;
  });
  return result;
}

/** Accepts `--wait=false`, which kubectl users know, in place of `--no-wait`. */
function kubectlWait(): ParserOption {
  return new ParserOption('--wait <BOOLEAN>').hideHelp().argParser((text: string) => {
    if (text !== 'true' && text !== 'false')
      throw usageError(`--wait does not accept ${text}`, 'Pass --no-wait instead, or omit --wait to wait.');
    return text === 'true';
  });
}

function inputOf(command: Command, parser: Parser): ParsedInput {
  const args: Record<string, unknown> = {};
  const values: readonly unknown[] = parser.processedArgs;
  command.positionals.forEach((positional, index) => {
    const value = values[index] ?? (positional.variadic ? [] : undefined);
    args[camelCase(positional.name)] = positional.names ? namesIn(positional.names, value) : value;
  });
  return { args, options: optionValues(command.options, parser.opts()) };
}

/** Removes the kind from each name (`app/web` becomes `web`), and removes duplicate names. */
function namesIn(noun: ObjectNoun, value: unknown): unknown {
  if (typeof value === 'string') return objectName(noun, value);
  return Array.isArray(value) ? [...new Set(value.map((text) => objectName(noun, String(text))))] : value;
}

function optionValues(
  options: readonly Option[],
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const option of options) {
    const key = camelCase(option.name);
    // The value is false if the negated flag was given, e.g. `--no-account` for `--account NAME`.
    if (option.value)
      values[key] = given[key] === false ? undefined : (given[key] ?? (option.repeatable ? [] : undefined));
    // The parser stores `--no-wait` under the name `wait`, with the value true unless the flag is given.
    else if (option.name.startsWith('no-')) values[key] = given[camelCase(option.name.slice(3))] === false;
    else values[key] = option.modes ? given[key] !== undefined : given[key] === true;
  }
  return values;
}

const templateExamples: { readonly [Format in OutputFormat]?: string } = {
  jsonpath: "jsonpath='{.metadata.name}'",
  'custom-columns': 'custom-columns=NAME:.metadata.name',
};

function globalsOf(command: Command, parser: Parser, root: Parser): GlobalOptions {
  const values = optionValues(globalOptions, root.opts());
  // The value of `--dry-run` is a boolean if this option of the command has no modes.
  const mode: unknown = parser.opts()['dryRun'];
  const as = values['as'] as string | undefined;
  const asGroups = values['asGroup'] as readonly string[];
  if (as === '' || (as === undefined && asGroups.length > 0))
    throw usageError('--as-group requires a user', 'Pass --as USER too.');
  const given = values['output'] as string | undefined;
  const at = given?.indexOf('=') ?? -1;
  const output = (at < 0 ? given : given?.slice(0, at)) as OutputFormat | undefined;
  const template = at < 0 ? undefined : given?.slice(at + 1);
  const choices = command.formats?.map(shownFormat).join(', ');
  const choose = choices === undefined ? [] : [`Choose one of: ${choices}.`];
  if (output !== undefined && !allFormats.includes(output))
    throw usageError(`--output does not accept ${given}`, ...choose);
  if (output !== undefined && !command.formats?.includes(output)) {
    const name = `kon ${command.path.join(' ')}`;
    throw choices === undefined
      ? usageError(`${name} does not support --output`)
      : usageError(`${name} does not support --output ${output}`, ...choose);
  }
  if (output !== undefined && templateFormats.includes(output) !== (template !== undefined))
    throw template === undefined
      ? usageError(`--output ${output} needs a template`, `For example: -o ${templateExamples[output]}`)
      : usageError(`--output does not accept ${given}`, ...choose);
  return {
    context: values['context'] as string | undefined,
    kubeconfig: values['kubeconfig'] as string | undefined,
    as,
    asGroups,
    output,
    ...(template === undefined ? {} : { template }),
    color: values['noColor'] !== true,
    verbose: values['verbose'] === true,
    dryRun: typeof mode === 'string' ? (mode as GlobalOptions['dryRun']) : undefined,
  };
}
