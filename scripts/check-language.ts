/**
 * Measures the language of comments, docs, help and messages: counts phrases that make sentences hard to read, and fails if a
 * count exceeds its limit. Prints the files with the most occurrences. `--lines` prints every occurrence.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

type Passage = { readonly file: string; readonly line: number; readonly text: string };
type Scope = {
  readonly name: string;
  readonly passages: readonly Passage[];
  readonly habits: readonly Habit[];
};
type Habit = {
  readonly name: string;
  readonly pattern: RegExp;
  /** Maximum number of occurrences, per 1,000 words or per 100 passages. */
  readonly limit: number;
  readonly per: 'words' | 'passages';
};

const prepositions =
  'of|in|to|for|with|by|on|from|at|into|under|through|after|before|against|behind|beside|over|without|about|among|between|near|until|within';
const reported: Habit = { name: 'told', pattern: /\b(?:told|tells|telling)\b/gi, limit: 0.3, per: 'words' };
const nobody: Habit = {
  name: 'nobody',
  pattern: /\b(?:nobody|somebody|anybody)\b/gi,
  limit: 0.2,
  per: 'words',
};
const ofWhich: Habit = {
  name: 'of which',
  pattern: new RegExp(`\\b(?:${prepositions}) which\\b`, 'gi'),
  limit: 0.4,
  per: 'words',
};
const openers: Habit = {
  name: 'openers',
  pattern: /^(?:What|Who|Whose|Those|Of|By)\b/g,
  limit: 1,
  per: 'passages',
};
const inProse = [reported, nobody, ofWhich];

const comment =
  /\/\*\*?([\s\S]*?)\*\/|((?:^|\n)[ \t]*\/\/[^\n]*(?:\n[ \t]*\/\/[^\n]*)*)|[;,{})\]][ \t]+\/\/([^\n]*)/g;

const root = resolve(import.meta.dirname, '..');
const { values } = parseArgs({ options: { lines: { type: 'boolean' } } });
const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
const sources = files.filter((file) => /^(?:src|sandbox|console|test|scripts|bench)\/.*\.tsx?$/.test(file));

const scopes: readonly Scope[] = [
  ...['src', 'sandbox', 'console', 'test', 'scripts', 'bench'].map((folder) => ({
    name: `comments of ${folder}`,
    passages: passagesOf((file) => sources.includes(file) && file.startsWith(`${folder}/`), commentsIn),
    habits: [...inProse, openers],
  })),
  {
    name: 'docs',
    passages: passagesOf((file) => /^(?:docs\/.*|[A-Z]+)\.md$/.test(file), proseIn),
    habits: inProse,
  },
  {
    name: 'help',
    passages: passagesOf((file) => file === 'test/integration/cli/golden/help.txt', proseIn),
    habits: inProse,
  },
  {
    name: 'messages',
    passages: passagesOf((file) => /^(?:src|sandbox)\/.*(?<!\.test)\.ts$/.test(file), messagesIn),
    habits: inProse,
  },
];

let isOverLimit = false;
for (const { name, passages, habits } of scopes) {
  const words = passages.reduce((sum, { text }) => sum + text.split(/\s+/).length, 0);
  const figures = habits.map(({ name: habit, pattern, limit, per }) => {
    const found = passages.flatMap((passage) => Array.from(passage.text.matchAll(pattern), () => passage));
    const rate = per === 'words' ? (found.length / words) * 1000 : (found.length / passages.length) * 100;
    if (rate > limit) isOverLimit = true;
    if (values.lines) for (const { file, line, text } of found) console.log(`${file}:${line}: ${text}`);
    return {
      found,
      text: `${habit} ${rate.toFixed(2)}${rate > limit ? ` (limit ${limit})` : ''}`,
      rate,
      limit,
    };
  });
  console.log(
    `${name.padEnd(20)} ${String(words).padStart(6)} words  ${figures.map(({ text }) => text).join('  ')}`,
  );
  const worst = Map.groupBy(
    figures.filter(({ rate, limit }) => rate > limit).flatMap(({ found }) => found),
    ({ file }) => file,
  );
  for (const [file, { length }] of [...worst].sort(([, a], [, b]) => b.length - a.length).slice(0, 5))
    console.log(`${' '.repeat(21)}${length} in ${file}`);
}
process.exitCode = isOverLimit ? 1 : 0;

function passagesOf(
  isWanted: (file: string) => boolean,
  extract: (text: string) => readonly { readonly line: number; readonly text: string }[],
): readonly Passage[] {
  return files
    .filter(isWanted)
    .flatMap((file) => extract(readFileSync(join(root, file), 'utf8')).map((found) => ({ file, ...found })));
}

function commentsIn(source: string): readonly { readonly line: number; readonly text: string }[] {
  return Array.from(source.matchAll(comment), (match) => ({
    line: lineAt(source, match.index + (match[0].startsWith('\n') ? 1 : 0)),
    text: (match[1] ?? match[2] ?? match[3] ?? '')
      .replace(/(?:^|\n)\s*(?:\*|\/\/)/g, ' ')
      .replace(/\s+/g, ' ')
      .trim(),
  })).filter(({ text }) => text !== '');
}

/** Returns the lines of prose, without fenced blocks and inline code. */
function proseIn(text: string): readonly { readonly line: number; readonly text: string }[] {
  const blank = (code: string): string => code.replace(/[^\n]/g, '');
  const prose = text.replace(/^```[\s\S]*?^```/gm, blank).replace(/`[^`\n]*`/g, 'x');
  return prose
    .split('\n')
    .flatMap((line, index) => (line.trim() ? [{ line: index + 1, text: line.trim() }] : []));
}

/** Returns the string literals with at least three words. Skips comments. */
function messagesIn(source: string): readonly { readonly line: number; readonly text: string }[] {
  const blank = (code: string): string => code.replace(/[^\n]/g, ' ');
  const code = source.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g, blank);
  return Array.from(
    code.matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g),
    (match) => ({
      line: lineAt(code, match.index),
      text: match[1] ?? match[2] ?? match[3] ?? '',
    }),
  ).filter(({ text }) => text.trim().split(/\s+/).length >= 3);
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
