/** Header lines above the user's text that explain why the text could not be saved. `kon` adds and removes them. */

/** Prefix that users' comments do not have, so that `kon` removes only its own lines. */
const mark = '#!';

export type Refusal = {
  /** One line, e.g. `The text could not be saved:`. */
  readonly heading: string;
  readonly problems: readonly string[];
};

export function withHeader(text: string, refusal: Refusal): string {
  const lines = [
    refusal.heading,
    ...refusal.problems.flatMap((problem) => problem.split('\n').map((line) => `  ${line}`)),
    'Correct the manifest, save and close. To cancel, close without a change.',
  ];
  return `${lines.map((line) => `${mark} ${line}\n`).join('')}${withoutHeader(text)}`;
}

export function withoutHeader(text: string): string {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => !line.startsWith(mark));
  return first < 0 ? '' : lines.slice(first).join('\n');
}
