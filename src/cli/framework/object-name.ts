/** Reads names of objects in all forms that `-o name` and kubectl print: `NAME`, `KIND/NAME`, `KIND.GROUP/NAME`. Pure. */
import { apiGroup, apps, clusterConfigs, linkedServiceAccounts } from '../../api/resources.ts';
import { usageError } from './errors.ts';

export type ObjectNoun = 'account' | 'app' | 'target';

/** Words for each kind of object, in lower case. The first word is the noun in its commands. */
export const nounWords: Readonly<Record<ObjectNoun, readonly [ObjectNoun, ...string[]]>> = {
  account: ['account', 'accounts', ...wordsOf(linkedServiceAccounts)],
  app: ['app', ...wordsOf(apps).filter((word) => word !== 'app')],
  target: ['target', 'targets'],
};

const clusterConfigWords: readonly string[] = wordsOf(clusterConfigs);

function wordsOf(resource: typeof linkedServiceAccounts | typeof apps | typeof clusterConfigs): string[] {
  const { kind, singular, plural, shortNames } = resource;
  return [...new Set([kind.toLowerCase(), singular, plural, ...shortNames])];
}

/** Splits `KIND/NAME`. The kind is undefined for a plain name. */
export function splitName(text: string): { readonly kind: string | undefined; readonly name: string } {
  const at = text.indexOf('/');
  return at < 0
    ? { kind: undefined, name: text }
    : { kind: text.slice(0, at).toLowerCase(), name: text.slice(at + 1) };
}

/** Returns the kind of object that a word denotes, with or without the API group: `lsa`, `apps.k11n.dev`. */
export function nounOf(word: string): ObjectNoun | undefined {
  const plain = withoutGroup(word.toLowerCase());
  return (Object.keys(nounWords) as ObjectNoun[]).find((noun) => nounWords[noun].includes(plain));
}

/** @throws CliError of code USAGE when the text names an object of another kind */
export function objectName(noun: ObjectNoun, text: string): string {
  const { kind, name } = splitName(text);
  if (kind === undefined) return name;
  const given = nounOf(kind);
  if (given === noun) {
    if (name !== '' && !name.includes('/')) return name;
    throw usageError(`"${text}" does not name a single ${noun}`, `Pass NAME or ${noun}/NAME.`);
  }
  const isConfig = clusterConfigWords.includes(withoutGroup(kind));
  throw usageError(
    `"${text}" does not name ${withArticle(noun)}`,
    given
      ? `"${text}" names ${withArticle(given)}; see: kon ${given} --help`
      : isConfig
        ? `"${text}" names a ClusterConfig: kubectl get clusterconfig ${name} -o yaml`
        : `Pass NAME or ${noun}/NAME.`,
  );
}

const withArticle = (noun: string): string => `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;

/** Removes the suffix `.k11n.dev` or `.VERSION.k11n.dev`. */
function withoutGroup(word: string): string {
  const match = /^([^.]+)\.(?:v\d\w*\.)?(.+)$/.exec(word);
  return match?.[2] === apiGroup ? (match[1] ?? word) : word;
}
