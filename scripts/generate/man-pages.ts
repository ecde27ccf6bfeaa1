/** Generates the manual: a page for `kon` and a page for each command, in roff with the macros of man(7). */
import type { Command, Option, Positional } from '../../src/cli/framework/command.ts';
import { exitCodeMeanings } from '../../src/cli/framework/exit-codes.ts';
import { aliasesText } from '../../src/cli/framework/program.ts';
import { globalOptions } from '../../src/cli/framework/global-options.ts';
import { commandGroups, loadCommands } from '../../src/cli/registry.ts';
import { version } from '../../src/cli/version.ts';

export const manFolder = 'docs/man';

const visible = (await loadCommands()).filter((command) => !command.hidden);
const pageName = (path: readonly string[]): string => ['kon', ...path].join('-');

/** Escapes text within a line, so that roff interprets none of it, and readers can copy dashes as ASCII characters. */
const text = (line: string): string =>
  line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');

const sentence = (line: string): string =>
  `${line.charAt(0).toUpperCase()}${line.slice(1)}${/[.?!]$/.test(line) ? '' : '.'}`;

const head = (name: string): readonly string[] => [
  '.\\" Generated from src/cli by `npm run generate`.',
  `.TH ${name.toUpperCase()} 1 "" "kon ${version}" "Konstellation"`,
];

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`.SH ${title}`, ...lines];

const entry = (tag: string, meaning: string): readonly string[] => ['.TP', tag, text(meaning)];

function optionEntry(option: Option): readonly string[] {
  const value = option.modes ? '[=\\fIMODE\\fR]' : option.value ? ` \\fI${text(option.value)}\\fR` : '';
  const short = option.short ? `\\fB\\-${option.short}\\fR, ` : '';
  const choices = option.choices ? ` One of ${option.choices.join(', ')}.` : '';
  const modes = option.modes ? ` MODE is ${option.modes.join(' or ')}.` : '';
  const initial = option.default ? ` Default: ${option.default}.` : '';
  return entry(
    `${short}\\fB\\-\\-${text(option.name)}\\fR${value}`,
    `${sentence(option.summary)}${choices}${modes}${initial}`,
  );
}

function synopsis(command: Command): string {
  const positional = ({ name, required, variadic }: Positional): string => {
    const shown = `\\fI${text(name.toUpperCase())}\\fR${variadic ? '...' : ''}`;
    return required ? shown : `[${shown}]`;
  };
  return [
    `\\fB${text(['kon', ...command.path].join(' '))}\\fR`,
    ...(command.options.length > 0 ? ['[\\fIOPTION\\fR]...'] : []),
    ...command.positionals.map(positional),
  ].join(' ');
}

function commandPage(command: Command): string {
  const name = pageName(command.path);
  const paragraphs = (command.description ?? '').split('\n\n').filter((paragraph) => paragraph !== '');
  const examples = command.examples.flatMap(({ does, command: line }) => [
    '.PP',
    text(`${does}:`),
    '.PP',
    '.nf',
    ...line.split('\n').map(text),
    '.fi',
  ]);
  return [
    ...head(name),
    ...section('NAME', [`${text(name)} \\- ${text(command.summary)}`]),
    ...section('SYNOPSIS', [synopsis(command)]),
    ...section('DESCRIPTION', [
      text(sentence(command.summary)),
      ...[...paragraphs, aliasesText(command) ?? '']
        .filter(Boolean)
        .flatMap((paragraph) => ['.PP', ...paragraph.split('\n').map(text)]),
    ]),
    ...section(
      'ARGUMENTS',
      command.positionals.flatMap(({ name: argument, summary }) =>
        entry(`\\fI${text(argument.toUpperCase())}\\fR`, sentence(summary)),
      ),
    ),
    ...section('OPTIONS', command.options.flatMap(optionEntry)),
    ...section('OUTPUT', command.formats ? [text(`With --output: ${command.formats.join(', ')}.`)] : []),
    ...section('EXAMPLES', examples.slice(1)),
    ...section('SEE ALSO', [
      '\\fBkon\\fR(1), which has the options of every command, and what they exit with.',
    ]),
    '',
  ].join('\n');
}

function overview(): string {
  const listed = (members: readonly Command[]): readonly string[] =>
    members.flatMap(({ path, summary }) => entry(`\\fB${text(pageName(path))}\\fR(1)`, sentence(summary)));
  const single = visible.filter((command) => command.path.length === 1);
  return [
    ...head('kon'),
    ...section('NAME', ['kon \\- AWS permissions for apps on Amazon EKS']),
    ...section('SYNOPSIS', ['\\fBkon\\fR [\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIARGUMENT\\fR]...']),
    ...section('DESCRIPTION', [
      'Apps on Amazon EKS name an account; their pods hold exactly the AWS permissions which that account lists.',
    ]),
    '.SH COMMANDS',
    ...commandGroups.flatMap((group) => [
      `.SS ${text(group.summary)}`,
      ...listed(visible.filter(({ path }) => path.length > 1 && path[0] === group.path[0])),
    ]),
    '.SS Others',
    ...listed(single),
    ...section('OPTIONS', [
      'Every command takes these, before or after its own.',
      ...globalOptions.flatMap(optionEntry),
      ...entry('\\fB\\-h\\fR, \\fB\\-\\-help\\fR', 'Show help.'),
    ]),
    ...section(
      'EXIT STATUS',
      Object.entries(exitCodeMeanings).flatMap(([code, meaning]) => entry(`\\fB${code}\\fR`, meaning)),
    ),
    '',
  ].join('\n');
}

/** Manual pages, keyed by their path in the repository. */
export function manPages(): ReadonlyMap<string, string> {
  return new Map([
    [`${manFolder}/kon.1`, overview()],
    ...visible.map((command): [string, string] => [
      `${manFolder}/${pageName(command.path)}.1`,
      commandPage(command),
    ]),
  ]);
}
