/** Generates the tables between the markers in docs/guides/security.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  attempts,
  awsAttempts,
  cellOf,
  people,
  type AttemptName,
  type Cell,
  type Person,
} from '../../src/rbac/testing/who-may-what.ts';

const page = 'docs/guides/security.md';
const marker = (name: string, edge: 'begin' | 'end'): string =>
  `<!-- ${edge} ${name}: generated from src/rbac/testing/who-may-what.ts -->`;

export function peopleTables(root: string): [path: string, content: string][] {
  let text = readFileSync(join(root, page), 'utf8');
  for (const [name, lines] of [
    ['people', peopleTable()],
    ['aws', awsTable()],
  ] as const) {
    const [begin, end] = [marker(name, 'begin'), marker(name, 'end')];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`${page} has no markers for the table ${name}`);
    text = `${text.slice(0, from)}${begin}\n\n${lines.join('\n')}\n\n${text.slice(to)}`;
  }
  return [[page, text]];
}

function peopleTable(): readonly string[] {
  const names = Object.keys(people) as Person[];
  return [
    ...names.map((name) => `- **${people[name].title}**: ${people[name].has}`),
    '',
    row(['may', ...names.map((name) => people[name].title)]),
    row(['---', ...names.map(() => '---')]),
    ...(Object.keys(attempts) as AttemptName[]).map((attempt) =>
      row([attempts[attempt].does, ...names.map((name) => cellText(cellOf(attempt, name)))]),
    ),
  ];
}

function cellText(cell: Cell): string {
  if (cell === 'yes') return '**yes**';
  if (cell === 'no') return '';
  if (cell === 'consent') return 'annotation';
  return cell === 'never' ? 'never' : cell.map((verb) => `\`${verb}\``).join(' ');
}

function awsTable(): readonly string[] {
  const text = (may: boolean): string => (may ? '**yes**' : '');
  return [
    row([
      "the operator's AWS credentials may",
      'with boundary and `allowedPolicyArns`',
      'with neither limit',
    ]),
    row(['---', '---', '---']),
    ...Object.values(awsAttempts).map(({ does, fenced, open }) => row([does, text(fenced), text(open)])),
  ];
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
