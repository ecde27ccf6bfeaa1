/** Runs `create` for any kind: from a file, from options, or from an editor. */
import { isAlreadyExists, type KubeClient } from '../../kube/index.ts';
import { alreadyExists, createObject, findObject } from '../cluster/objects.ts';
import type { CliContext } from '../framework/context.ts';
import { createInEditor, requireEditor } from '../framework/edit/edit-object.ts';
import { isPromptable } from '../framework/edit/editor.ts';
import { CliError } from '../framework/errors.ts';
import { exitCodes } from '../framework/exit-codes.ts';
import type { Kind, KonObject } from '../cluster/kinds.ts';
import type { Manifest } from '../manifest/present.ts';
import { nameProblem } from '../manifest/name.ts';
import { checkKnown, requireKnown } from './known-references.ts';
import { finishWrite, type WriteInput } from './finish.ts';
import { givenManifest, soundManifest } from '../manifest/source.ts';

export type CreateRequest<T extends KonObject> = {
  readonly kind: Kind<T>;
  readonly name: string | undefined;
  readonly filename: string | undefined;
  /** Returns the manifest from the options; undefined if no option was given. */
  readonly fromOptions: ((client: KubeClient, name: string) => Promise<Manifest>) | undefined;
  /** Interactive choice on a terminal; undefined if the user prefers the editor. */
  readonly ask?: (client: KubeClient, name: string) => Promise<Manifest | undefined>;
  /** Initial text of the editor. */
  readonly template: (client: KubeClient, name: string) => Promise<string>;
  /** Alternatives to an editor, as sentences. */
  readonly withoutEditor: readonly string[];
  readonly write: WriteInput;
};

export async function createFlow<T extends KonObject>(
  context: CliContext,
  request: CreateRequest<T>,
): Promise<void> {
  const { kind, fromOptions } = request;
  const described = fromOptions && 'the object';
  const advice = `Pass a name: kon ${kind.noun} create NAME`;
  const { given, name } = await givenManifest(context, request, described, advice);
  const problem = nameProblem(kind, name);
  if (problem) throw new CliError('INVALID', problem, given ? {} : { exitCode: exitCodes.usage });
  if (!given && !fromOptions) requireEditor(context, ...request.withoutEditor);

  const client = await context.connect();
  // The check comes before the editor opens, so that the user does not write a manifest for an existing name or an
  // unreachable cluster.
  if (await findObject(client, kind, name)) throw alreadyExists(kind, name);
  const object = await obtain(context, client, request, name, given);
  return finishWrite(context, client, kind, { object, did: 'created' }, request.write);
}

async function obtain<T extends KonObject>(
  context: CliContext,
  client: KubeClient,
  request: CreateRequest<T>,
  name: string,
  given: Manifest | undefined,
): Promise<T> {
  const { kind, fromOptions } = request;
  const mode = { dryRun: request.write.dryRun };
  const create = async (manifest: Manifest): Promise<T> => {
    await requireKnown(context, client, [{ current: undefined, next: manifest }], request.write);
    return createObject(client, kind, manifest, mode);
  };
  try {
    if (given) return await create(given);
    if (fromOptions)
      return await create(soundManifest(await fromOptions(client, name), 'what the options describe'));
    const asked = isPromptable(context) ? await request.ask?.(client, name) : undefined;
    if (asked) return await create(soundManifest(asked, 'what was chosen'));
    const template = await request.template(client, name);
    const edited = await createInEditor(context, client, kind, name, template, {
      ...mode,
      check: checkKnown(context, client, request.write),
    });
    if (edited.kind === 'done') return edited.result;
    const why = edited.why === 'emptied' ? 'the file was empty' : 'no changes made';
    throw new CliError('EDIT_CANCELLED', `edit cancelled, ${why}; the ${kind.noun} was not created`);
  } catch (error) {
    // Another client has created the object in the meantime.
    if (isAlreadyExists(error)) throw alreadyExists(kind, name);
    throw error;
  }
}
