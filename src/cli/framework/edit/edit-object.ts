/**
 * Runs the edit loop on an object of the cluster: checks and writes the text that the user saved. If that fails,
 * reopens the text with the reason.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isBadRequest, isInvalid, type KubeApiError, type KubeClient } from '../../../kube/index.ts';
import { createObject, replaceObject, type Consent, type WriteMode } from '../../cluster/objects.ts';
import type { CliContext } from '../context.ts';
import { usageError } from '../errors.ts';
import { apiProblems } from '../api-problems.ts';
import { nameOf, type Kind, type KonObject } from '../../cluster/kinds.ts';
import { checkManifest } from '../../manifest/check.ts';
import { presentable, type Manifest } from '../../manifest/present.ts';
import { differences } from '../../manifest/difference.ts';
import { parseText } from '../../manifest/parse.ts';
import { asYaml } from '../output/data.ts';
import { editLoop, type Attempt, type Draft, type Edited } from './edit-loop.ts';
import { chooseEditor, isOnTerminal, openEditor } from './editor.ts';

/** Maximum number of rounds if the editor is a script, because a faulty script would never end the loop. */
const mostScriptedRounds = 10;

/** Finds those problems of a manifest that only the cluster or AWS can reveal. */
export type Check = (current: KonObject | undefined, next: Manifest) => Promise<readonly string[]>;

export function createInEditor<T extends KonObject>(
  context: CliContext,
  client: KubeClient,
  kind: Kind<T>,
  name: string,
  template: string,
  { check, ...mode }: WriteMode & { readonly check: Check },
): Promise<Edited<T>> {
  const save = async (manifest: Manifest): Promise<Attempt<T>> => {
    const problems = await check(undefined, manifest);
    return problems.length > 0
      ? refused(problems)
      : { kind: 'done', result: await createObject(client, kind, manifest, mode) };
  };
  return editInEditor(context, kind, name, template, save);
}

export function changeInEditor<T extends KonObject>(
  context: CliContext,
  client: KubeClient,
  kind: Kind<T>,
  object: T,
  {
    consent,
    check,
    ...mode
  }: WriteMode & { readonly consent?: Consent<T> | undefined; readonly check: Check },
): Promise<Edited<{ object: T; changed: boolean }>> {
  const { name } = object.metadata;
  let base = object;
  const save = async (manifest: Manifest): Promise<Attempt<{ object: T; changed: boolean }>> => {
    const problems = await check(base, manifest);
    if (problems.length > 0) return refused(problems);
    await consent?.(base, manifest);
    const outcome = await replaceObject(client, kind, base, manifest, mode);
    if (outcome.kind === 'written') return { kind: 'done', result: outcome };
    const changes = differences(presentable(base), presentable(outcome.current));
    base = outcome.current;
    return {
      kind: 'refused',
      heading:
        'Another user changed the object in the meantime. Your text is below. If you save your text again, it replaces the changes of the other user:',
      problems: changes.length > 0 ? changes : ['the object was deleted and recreated'],
    };
  };
  return editInEditor(context, kind, name, editableText(kind, object), save);
}

function editableText(kind: Kind, object: KonObject): string {
  return [
    `# ${nameOf(kind, object.metadata.name)}: change what is below, save and close.`,
    '# To cancel, close this file without a change, or delete all of its lines.',
    asYaml(presentable(object)),
  ].join('\n');
}

/** Refuses the command if no editor is available, and lists the alternatives. @throws CliError of code USAGE */
export function requireEditor(context: CliContext, ...otherWays: readonly string[]): void {
  if (chooseEditor(context.env, isOnTerminal(context)).kind === 'none')
    throw usageError(
      'cannot open an editor: not a terminal',
      ...otherWays,
      'Or set KON_EDITOR to a program that edits the file given as its argument.',
    );
}

async function editInEditor<T extends KonObject, R>(
  context: CliContext,
  kind: Kind<T>,
  name: string,
  text: string,
  write: (manifest: Manifest) => Promise<Attempt<R>>,
): Promise<Edited<R>> {
  const onTerminal = isOnTerminal(context);
  const editor = chooseEditor(context.env, onTerminal);
  if (editor.kind === 'none') throw new Error('cannot open an editor');
  return editLoop({
    draft: await createDraft(name),
    initial: text,
    edit: (path) => openEditor(context, editor, path),
    save: (edited) => saveText(kind, name, edited, write),
    mostRounds: onTerminal ? Number.POSITIVE_INFINITY : mostScriptedRounds,
  });
}

const refused = (problems: readonly string[]): Attempt<never> => ({
  kind: 'refused',
  heading: 'The text could not be saved:',
  problems,
});

async function saveText<R>(
  kind: Kind,
  name: string,
  text: string,
  write: (manifest: Manifest) => Promise<Attempt<R>>,
): Promise<Attempt<R>> {
  const parsed = parseText(text);
  if (parsed.kind === 'faulty') return refused(parsed.problems);
  const [document, ...more] = parsed.documents;
  if (more.length > 0) return refused([`expected one document, got ${more.length + 1}`]);
  const checked = checkManifest(document, { kind, name });
  if (checked.kind === 'unsound') return refused(checked.problems.map((problem) => problem.text));
  try {
    return await write(checked.manifest);
  } catch (error) {
    if (isFaultOfText(error)) return refused(apiProblems(error));
    throw error;
  }
}

/** Whether the API server refused the content of the object. Other errors cannot be corrected by editing the text. */
const isFaultOfText = (error: unknown): error is KubeApiError => isInvalid(error) || isBadRequest(error);

/** Creates the file for the editor. Only its owner can read it, and the extension .yaml lets the editor recognize YAML. */
async function createDraft(name: string): Promise<Draft> {
  // mkdtemp creates a folder that only its owner can enter.
  const path = join(await mkdtemp(join(tmpdir(), 'kon-edit-')), `${name}.yaml`);
  return {
    path,
    read: () =>
      readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        // A deleted file counts as an empty one.
        if (error.code === 'ENOENT') return '';
        throw error;
      }),
    write: (text) => writeFile(path, text, { mode: 0o600 }),
    remove: () => rm(dirname(path), { recursive: true, force: true }),
  };
}
