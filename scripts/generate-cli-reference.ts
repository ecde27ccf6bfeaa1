/**
 * Writes docs/reference/cli.md and docs/errors.md from the registries of the command line. With `--check`, it writes nothing, and
 * fails if a file is outdated.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Command, Option } from '../src/cli/framework/command.ts';
import { errorMeanings, type ErrorCode } from '../src/cli/framework/error-meanings.ts';
import { exitCodeOf } from '../src/cli/framework/errors.ts';
import { globalOptions } from '../src/cli/framework/global-options.ts';
import { optionFlags } from '../src/cli/framework/program.ts';
import { registeredChecks } from '../src/cli/commands/doctor/registry.ts';
import { commandGroups, loadCommands } from '../src/cli/registry.ts';

const root = resolve(import.meta.dirname, '..');
const { check } = parseArgs({ options: { check: { type: 'boolean', default: false } } }).values;

const notice = (source: string): string => `<!-- Generated from ${source} by \`npm run generate\`. -->`;
const visible = (await loadCommands()).filter((command) => !command.hidden);

/** Escapes text for a table cell. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

function optionTable(options: readonly Option[]): readonly string[] {
  return [
    '| option | meaning |',
    '| --- | --- |',
    ...options.map((option) => {
      const choices = option.choices
        ? ` One of ${option.choices.map((each) => `\`${each}\``).join(', ')}.`
        : '';
      const initial = option.default ? ` Default: \`${option.default}\`.` : '';
      return `| \`${cell(optionFlags(option))}\` | ${cell(sentence(option.summary))}${choices}${initial} |`;
    }),
  ];
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?]$/.test(text) ? '' : '.'}`;

function usage(command: Command): string {
  const positionals = command.positionals.map((positional) => {
    const name = `${positional.name}${positional.variadic ? '...' : ''}`;
    return positional.required ? `<${name}>` : `[${name}]`;
  });
  const options = command.options.length > 0 ? ['[options]'] : [];
  return ['kon', ...command.path, ...options, ...positionals].join(' ');
}

function section(command: Command): readonly string[] {
  const lines = [`### kon ${command.path.join(' ')}`, '', sentence(command.summary)];
  if (command.description) lines.push('', command.description);
  lines.push('', '```', usage(command), '```');
  if (command.aliases)
    lines.push('', `Aliases: ${command.aliases.map((alias) => `\`${alias}\``).join(', ')}.`);
  if (command.positionals.length > 0)
    lines.push(
      '',
      '| argument | meaning |',
      '| --- | --- |',
      ...command.positionals.map(({ name, summary }) => `| \`${name}\` | ${cell(sentence(summary))} |`),
    );
  if (command.options.length > 0) lines.push('', ...optionTable(command.options));
  if (command.formats)
    lines.push(
      '',
      `Answers as ${command.formats.map((format) => `\`${format}\``).join(', ')} (\`--output\`).`,
    );
  if (command.examples.length > 0)
    lines.push(
      '',
      '```sh',
      ...command.examples.flatMap(({ does, command: line }, index) => [
        ...(index > 0 ? [''] : []),
        `# ${does}`,
        line,
      ]),
      '```',
    );
  return [...lines, ''];
}

function cliReference(): string {
  const single = visible.filter((command) => command.path.length === 1);
  const grouped = commandGroups
    .map((group) => ({ group, members: visible.filter((command) => command.path[0] === group.path[0]) }))
    .filter(({ members }) => members.length > 0);
  return [
    notice('src/cli'),
    '',
    '# The command line',
    '',
    'What each format, exit code and colour promises is in [Output](../guides/output.md); what each error means, in',
    '[Errors](../errors.md).',
    '',
    '## Every command',
    '',
    'takes these, before or after its own options.',
    '',
    ...optionTable(globalOptions),
    '',
    ...grouped.flatMap(({ group, members }) => [
      `## kon ${group.path.join(' ')}`,
      '',
      `${group.summary}.`,
      '',
      ...(group.aliases ? [`Aliases: ${group.aliases.map((alias) => `\`${alias}\``).join(', ')}.`, ''] : []),
      ...members.flatMap(section),
    ]),
    '## Others',
    '',
    ...single.flatMap(section),
  ].join('\n');
}

function errorReference(): string {
  return [
    notice('src/cli'),
    '',
    '# Errors of the command line',
    '',
    '`kon` prints errors to stderr. An error states what happened, why, and what to do next. With `-o json` an error is one JSON object with the',
    'fields `code`, `exitCode`, `message`, `details`, `next` and `explain`. The field `explain` contains the command that explains the error. On a terminal that',
    'command is the last line of the error. Codes and exit codes are stable; texts are for people and may change.',
    '[Reasons](reference/reasons.md) lists what the operator reports in conditions and Events. `kon explain` explains every code and reason.',
    '',
    '| code | exit code | meaning | what to do |',
    '| --- | --- | --- | --- |',
    ...Object.entries(errorMeanings).map(
      ([code, { meaning, next }]) =>
        `| \`${code}\` | ${exitCodeOf(code as ErrorCode)} | ${cell(meaning)} | ${cell(next.map(sentence).join(' '))} |`,
    ),
    '',
    '## Checks of kon doctor',
    '',
    '[What `kon doctor` checks](guides/doctor.md) describes each check. The table lists what a failed check means and what to do:',
    '',
    '| check | meaning | what to do |',
    '| --- | --- | --- |',
    ...registeredChecks.map(
      ({ id, meaning, next }) => `| \`${id}\` | ${cell(meaning)} | ${cell(sentence(next))} |`,
    ),
    '',
  ].join('\n');
}

const files = new Map([
  ['docs/reference/cli.md', cliReference().trimEnd() + '\n'],
  ['docs/errors.md', errorReference()],
]);
let differs = false;
for (const [path, source] of files) {
  const content = formatted(path, source);
  const full = join(root, path);
  const current = read(full);
  if (current === content) continue;
  if (check) {
    differs = true;
    console.error(`${path} does not match src/cli`);
  } else {
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    console.log(`wrote ${path}`);
  }
}
if (differs) process.exit(1);

/** Formats the text with oxfmt, which aligns tables, so that the format check passes. */
function formatted(path: string, text: string): string {
  const formatter = join(root, 'node_modules/.bin/oxfmt');
  return execFileSync(process.execPath, [formatter, `--stdin-filepath=${path}`], {
    cwd: root,
    input: text,
    encoding: 'utf8',
  });
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
