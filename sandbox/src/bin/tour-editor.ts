/**
 * The editor that the tour uses: `tour-editor CHANGES FILE` makes the replacements listed in CHANGES (JSON) in FILE.
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
    process.stderr.write(`nothing in the file matches ${find}:\n${text}\n`);
    process.exit(1);
  }
  text = text.replace(pattern, () => replace);
}
writeFileSync(file, text);
