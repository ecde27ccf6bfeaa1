/** Runs `edit` for any kind: from a file, from options, or in an editor. */
import {
  changeSpec,
  getObject,
  replaceObject,
  requireNotDeleting,
  type Consent,
} from '../cluster/objects.ts';
import { defined } from '../../k8s/defined.ts';
import type { CliContext } from '../framework/context.ts';
import { changeInEditor, requireEditor } from '../framework/edit/edit-object.ts';
import { CliError } from '../framework/errors.ts';
import type { Kind, KonObject } from '../cluster/kinds.ts';
import { presentable } from '../manifest/present.ts';
import { checkKnown, requireKnown } from './known-references.ts';
import { finishWrite, type Until, type WriteInput } from './finish.ts';
import { givenManifest, soundManifest } from '../manifest/source.ts';

export type EditRequest<T extends KonObject> = {
  readonly kind: Kind<T>;
  readonly name: string | undefined;
  readonly filename: string | undefined;
  /** Applies the options to the current object, and returns the new spec; undefined if no option was given. */
  readonly change: ((current: T) => T['spec']) | undefined;
  /** Annotations that are written together with the change. */
  readonly annotations?: ((current: T) => Readonly<Record<string, string>>) | undefined;
  /** Asks the user for consent; called before each write. */
  readonly consent?: Consent<T>;
  readonly withoutEditor: readonly string[];
  /** Result in one word (default: `edited`). */
  readonly did?: string;
  /** Condition to wait for (default: Ready). */
  readonly until?: Until<T>;
  readonly write: WriteInput;
};

export async function editFlow<T extends KonObject>(
  context: CliContext,
  request: EditRequest<T>,
): Promise<void> {
  const { kind, change } = request;
  const advice = `List the ${kind.noun}s: ${kind.advice.list}`;
  const { given, name } = await givenManifest(context, request, change && 'a change', advice);
  if (!given && !change) requireEditor(context, ...request.withoutEditor);

  const client = await context.connect();
  const mode = { dryRun: request.write.dryRun };
  const consent: Consent<T> = async (current, next) => {
    await requireKnown(context, client, [{ current, next }], request.write);
    await request.consent?.(current, next);
  };
  const done = async (written: { readonly object: T; readonly changed: boolean }): Promise<void> => {
    const did = written.changed ? (request.did ?? 'edited') : 'unchanged';
    await finishWrite(context, client, kind, { ...written, did }, request.write, request.until);
  };
  if (change) {
    const sound = (current: T): T['spec'] => {
      const manifest = { ...presentable(current), spec: change(current) };
      return soundManifest(manifest, 'what the options describe', { kind, name }).spec;
    };
    const { annotations } = request;
    return done(
      await changeSpec(client, kind, name, sound, { ...mode, ...defined({ annotations }), consent }),
    );
  }
  const object = await getObject(client, kind, name, 'change');
  requireNotDeleting(kind, object);
  if (given) {
    await consent(object, given);
    const outcome = await replaceObject(client, kind, object, given, mode);
    if (outcome.kind === 'written') return done(outcome);
    throw new CliError('CONFLICT', `${kind.noun} "${name}" was changed concurrently by another user`, {
      next: ['Check the current state of the object and repeat the command.'],
    });
  }
  const edited = await changeInEditor(context, client, kind, object, {
    ...mode,
    consent: request.consent,
    check: checkKnown(context, client, request.write),
  });
  if (edited.kind === 'done') return done(edited.result);
  const why = edited.why === 'emptied' ? 'the file was empty' : 'no changes made';
  context.stderr.write(`Edit cancelled, ${why}.\n`);
}
