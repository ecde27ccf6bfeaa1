/** Prints the completions for one press of the Tab key. */
import type { CliContext } from '../context.ts';
import type { Vocabulary } from '../command.ts';
import { completeWords } from './candidates.ts';
import { liveNames } from './names.ts';
import { filesDirective } from './scripts.ts';

/** Line that follows the candidates and controls whether the shell completes file names. */
const directives = {
  shell: { files: `${filesDirective}\n`, other: '' },
  // Directives `ShellCompDirectiveDefault` and `ShellCompDirectiveNoFileComp` of spf13/cobra. kubectl passes them on to
  // the shell.
  kubectl: { files: ':0\n', other: ':4\n' },
} as const;

/** Prints one line per candidate: its value, a tab and its summary. */
export async function printCompletion(
  context: CliContext,
  words: readonly string[],
  vocabulary: Vocabulary,
  asker: keyof typeof directives,
): Promise<void> {
  const completed = await completeWords(words, vocabulary);
  if (completed.kind === 'files') {
    context.stdout.write(directives[asker].files);
    return;
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
  const lines = candidates.map(({ value, summary }) => `${value}\t${summary}\n`).join('');
  context.stdout.write(`${lines}${directives[asker].other}`);
}
