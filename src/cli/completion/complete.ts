/** One press of the tabulator key. */
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { commandGroups, commands } from '../registry.ts';
import { completeWords } from './candidates.ts';
import { liveNames } from './names.ts';
import { filesDirective } from './scripts.ts';

/** A line per candidate: its value, a tabulator, its summary. */
export async function printCompletion(context: CliContext, words: readonly string[]): Promise<ExitCode> {
  const completed = completeWords(words, { commands, groups: commandGroups });
  if (completed.kind === 'files') {
    context.stdout.write(`${filesDirective}\n`);
    return exitCodes.ok;
  }
  const candidates =
    completed.kind === 'candidates'
      ? completed.candidates
      : (
          await liveNames(
            context,
            completed.of,
            completed.cluster,
            (words.at(-1) ?? '').slice(completed.lead.length),
          )
        )
          .filter((name) => !completed.given.includes(name))
          .map((name) => ({ value: `${completed.lead}${name}`, summary: '' }));
  context.stdout.write(candidates.map(({ value, summary }) => `${value}\t${summary}\n`).join(''));
  return exitCodes.ok;
}
