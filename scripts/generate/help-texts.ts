/** Generates the golden file with the help of every command. Tests compare it with the help of the executable. */
import { commandGroups, commands } from '../../src/cli/registry.ts';
import { parseCommandLine } from '../../src/cli/framework/program.ts';

export const helpFile = 'test/integration/cli/golden/help.txt';

/** Words before `--help`: no words for kon itself, then each group and each command, in the order of the registry. */
export function helpPaths(): readonly (readonly string[])[] {
  return [
    [],
    ...commandGroups.map(({ path }) => path),
    ...commands.filter((command) => !command.hidden).map(({ path }) => path),
  ];
}

/** One entry of the golden file. */
export const helpEntry = (path: readonly string[], text: string): string =>
  `$ ${['kon', ...path, '--help'].join(' ')}\n${text.trimEnd()}\n`;

export async function helpTexts(): Promise<ReadonlyMap<string, string>> {
  const entries: string[] = [];
  for (const path of helpPaths()) {
    const reported = await parseCommandLine(
      [...path, '--help'],
      { commands, groups: commandGroups },
      '0.0.0',
    );
    if (reported.kind !== 'text') throw new Error(`kon ${path.join(' ')} --help returned no text`);
    entries.push(helpEntry(path, reported.text));
  }
  return new Map([[helpFile, entries.join('\n')]]);
}
