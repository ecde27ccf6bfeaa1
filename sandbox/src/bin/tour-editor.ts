/**
 * A person's editor in the tour, played by a program: `tour-editor CHANGES FILE` finds the texts that CHANGES (JSON) names
 * in FILE and types over them.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const [changes = '', file = ''] = process.argv.slice(2);
let text = readFileSync(file, 'utf8');
for (const { find, replace } of JSON.parse(readFileSync(changes, 'utf8')) as {
  find: string;
  replace: string;
}[]) {
  const pattern = new RegExp(find, 'm');
  if (!pattern.test(text)) {
    process.stderr.write(`nothing in the file fits ${find}:\n${text}\n`);
    process.exit(1);
  }
  text = text.replace(pattern, () => replace);
}
writeFileSync(file, text);
