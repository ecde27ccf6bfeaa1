/**
 * Opens the editor and tries to save the text. If that fails, opens the editor again with the problems above the text,
 * until the text is saved or the user gives up. The user's text is never lost: the error of any failure names the file
 * with the text.
 */
import { isDeepStrictEqual } from 'node:util';
import { CliError } from '../errors.ts';
import { parseText } from '../../manifest/parse.ts';

type Refusal = {
  /** One line, e.g. `The text could not be saved:`. */
  readonly heading: string;
  readonly problems: readonly string[];
};

export type Attempt<R> =
  | { readonly kind: 'done'; readonly result: R }
  | ({ readonly kind: 'refused' } & Refusal);

/** File that the user edits. */
export type Draft = {
  readonly path: string;
  read(): Promise<string>;
  write(text: string): Promise<void>;
  remove(): Promise<void>;
};

export type Edited<R> =
  | { readonly kind: 'done'; readonly result: R }
  | { readonly kind: 'cancelled'; readonly why: 'unchanged' | 'emptied' };

/**
 * @param edit opens the file in the user's editor and waits until it closes
 * @param save tries to write the text; an exception ends the loop
 * @param mostRounds maximum number of rounds, because the loop would never end if the editor were a script that saves
 * another invalid text in each round
 */
export async function editLoop<R>(options: {
  readonly draft: Draft;
  readonly initial: string;
  readonly edit: (path: string) => Promise<void>;
  readonly save: (text: string) => Promise<Attempt<R>>;
  readonly mostRounds: number;
}): Promise<Edited<R>> {
  const { draft, initial } = options;
  let presented = initial;
  await draft.write(initial);
  for (let round = 1; ; round += 1) {
    await keeping(draft, () => options.edit(draft.path));
    const text = withoutHeader(await draft.read());
    if (isEmpty(text)) {
      await draft.remove();
      return { kind: 'cancelled', why: 'emptied' };
    }
    if (saysTheSame(text, presented)) {
      if (round > 1) throw givenUp(draft.path);
      await draft.remove();
      return { kind: 'cancelled', why: 'unchanged' };
    }
    const attempt = await keeping(draft, () => options.save(text));
    if (attempt.kind === 'done') {
      await draft.remove();
      return attempt;
    }
    if (round >= options.mostRounds) throw givenUp(draft.path, attempt.problems);
    presented = text;
    await draft.write(withHeader(text, attempt));
  }
}

function givenUp(path: string, details: readonly string[] = []): CliError {
  return new CliError('EDIT_CANCELLED', 'edit cancelled, no valid changes were saved', {
    details: [...details, `Your text is kept in ${path}`],
    next: [`Correct the text and pass it with -f ${path}`],
  });
}

/** Rethrows an error, and adds the path of the file with the user's text. */
async function keeping<T>(draft: Draft, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const { explain } = await import('../explain.ts');
    const explained = explain(error);
    throw new CliError(explained.code, explained.message, {
      details: [...explained.details, `Your text is kept in ${draft.path}`],
      next: explained.next,
      cause: explained.cause ?? error,
    });
  }
}

function isEmpty(text: string): boolean {
  const parsed = parseText(text);
  return parsed.kind === 'parsed' && parsed.documents.length === 0;
}

/**
 * Whether two texts have the same content, ignoring comments and layout. Compares the texts as they are if one of them
 * is not valid YAML.
 */
function saysTheSame(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [parseText(a), parseText(b)];
  return (
    left.kind === 'parsed' && right.kind === 'parsed' && isDeepStrictEqual(left.documents, right.documents)
  );
}

/** Prefix that users' comments do not have, so that `kon` removes only its own lines. */
const mark = '#!';

/** Adds lines above the user's text that explain why the text could not be saved. */
function withHeader(text: string, refusal: Refusal): string {
  const lines = [
    refusal.heading,
    ...refusal.problems.flatMap((problem) => problem.split('\n').map((line) => `  ${line}`)),
    'Correct the manifest, save and close. To cancel, close without a change.',
  ];
  return `${lines.map((line) => `${mark} ${line}\n`).join('')}${withoutHeader(text)}`;
}

function withoutHeader(text: string): string {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => !line.startsWith(mark));
  return first < 0 ? '' : lines.slice(first).join('\n');
}
