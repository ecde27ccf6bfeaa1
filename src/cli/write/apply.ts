/** `kon apply`: documents to server-side applies. Nothing is written before all of it would be taken. */
import {
  isBadRequest,
  isConflict,
  isInvalid,
  KubeApiError,
  type KubeClient,
  type KubeObject,
  type StatusCause,
} from '../../kube/index.ts';
import { cliFieldManager, findObject } from '../cluster/objects.ts';
import type { CliContext } from '../context.ts';
import { CliError, usageError } from '../errors.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { apiProblems, isUndeclaredField } from '../api-problems.ts';
import { nameOf, type Kind, type KonObject } from '../kinds.ts';
import { checkManifest, crdSchema, unknownFieldProblem, type Manifest } from '../manifest/check.ts';
import { unknownFields } from '../manifest/schema.ts';
import { writable } from '../manifest/present.ts';
import { isMachineFormat, renderList } from '../output/objects.ts';
import { waitUntilReady } from '../wait/wait.ts';
import type { WaitInput } from './finish.ts';
import { adoptUpdates } from './ownership.ts';
import { readSource } from './source.ts';

type Item = {
  readonly kind: Kind;
  readonly manifest: Manifest;
  /** `linkedserviceaccount/myaccount` */
  readonly label: string;
};

type Applied = {
  readonly item: Item;
  readonly object: KonObject;
  readonly did: 'created' | 'configured' | 'unchanged';
};

/** Ownership is taken over with the version that was read; a write in between is rare, and then it is read again. */
const adoptionAttempts = 5;

export async function applyFlow(
  context: CliContext,
  request: { readonly filenames: readonly string[]; readonly force: boolean; readonly wait: WaitInput },
): Promise<ExitCode> {
  if (request.filenames.length === 0)
    throw usageError('nothing to apply', 'Give a file with -f FILE, or -f - for stdin.');
  const items = (await Promise.all(request.filenames.map((filename) => itemsOf(context, filename)))).flat();
  refuseTwice(items);
  const client = await context.connect();
  for (const item of items) await applyItem(client, item, { force: request.force, dryRun: true });

  const { stdout, format } = context;
  const applied: Applied[] = [];
  for (const item of items) {
    const one = await applyItem(client, item, { force: request.force, dryRun: false });
    if (!isMachineFormat(format)) stdout.write(`${item.label} ${one.did}\n`);
    applied.push(one);
  }
  const objects = request.wait.noWait
    ? applied.map((one) => one.object)
    : await waitForAll(context, client, applied, request.wait.timeout);
  if (isMachineFormat(format)) stdout.write(renderList(objects, format));
  return exitCodes.ok;
}

/** All are waited for within one time, and none that fails hides another. */
async function waitForAll(
  context: CliContext,
  client: KubeClient,
  applied: readonly Applied[],
  timeoutMs: number,
): Promise<readonly KonObject[]> {
  const end = context.now() + timeoutMs;
  const ready: KonObject[] = [];
  const failures: CliError[] = [];
  for (const { item, object } of applied) {
    // What is Ready already is seen even when the time is over.
    const left = Math.max(end - context.now(), 1000);
    try {
      const options = { timeoutMs: left, several: applied.length > 1 };
      ready.push(await waitUntilReady(context, client, item.kind, object, options));
    } catch (error) {
      if (!(error instanceof CliError) || error.code !== 'NOT_READY') throw error;
      failures.push(error);
    }
  }
  const [first, ...more] = failures;
  if (!first) return ready;
  if (more.length === 0) throw first;
  throw new CliError('NOT_READY', `${failures.length} of ${applied.length} are written, but not Ready`, {
    details: failures.flatMap((failure) => [failure.message, ...failure.details.map((line) => `  ${line}`)]),
    next: [...new Set(failures.flatMap((failure) => failure.next))],
  });
}

async function itemsOf(context: CliContext, filename: string): Promise<readonly Item[]> {
  const { origin, documents } = await readSource(context, filename);
  const values = documents.flatMap(unpackList);
  const problems: string[] = [];
  const items = values.flatMap((value, index): readonly Item[] => {
    const checked = checkManifest(value);
    if (checked.kind === 'sound') {
      const { of, manifest } = checked;
      return [{ kind: of, manifest, label: nameOf(of, manifest.metadata.name) }];
    }
    const which = values.length > 1 ? `document ${index + 1}: ` : '';
    problems.push(...checked.problems.map((problem) => `${which}${problem}`));
    return [];
  });
  if (problems.length === 0) return items;
  throw new CliError('INVALID', `${origin} is not valid; nothing was written`, {
    details: problems,
    ...(problems.some((problem) => problem.includes('kind:'))
      ? { next: ['kon applies its own kinds; for all others: kubectl apply -f FILE'] }
      : {}),
  });
}

/** What `-o json` prints, here and in kubectl, is one `List`. */
function unpackList(value: unknown): readonly unknown[] {
  const list = value as { kind?: unknown; items?: unknown } | null;
  return list?.kind === 'List' && Array.isArray(list.items) ? list.items : [value];
}

function refuseTwice(items: readonly Item[]): void {
  const labels = items.map((item) => item.label);
  const twice = labels.find((label, index) => labels.indexOf(label) !== index);
  if (twice !== undefined) throw new CliError('INVALID', `${twice} is given twice; nothing was written`);
}

async function applyItem(
  client: KubeClient,
  item: Item,
  options: { readonly force: boolean; readonly dryRun: boolean },
): Promise<Applied> {
  const { kind, manifest } = item;
  const { name } = manifest.metadata;
  const apply = async (force: boolean): Promise<KonObject> =>
    (await client.apply(kind.resource, writable(manifest), {
      fieldManager: cliFieldManager,
      fieldValidation: 'Strict',
      dryRun: options.dryRun,
      force,
    })) as unknown as KonObject;
  try {
    if (options.dryRun) {
      const object = await apply(options.force).catch((error: unknown) => {
        // The adoption comes only with the write, so that until then we may be in conflict with ourselves.
        if (isConflict(error) && foreignConflicts(error).length === 0) return apply(true);
        throw error;
      });
      return { item, object, did: 'unchanged' };
    }
    const before = await adoptOwnership(client, kind, name);
    const object = await apply(options.force);
    const isSame = before?.metadata.resourceVersion === object.metadata.resourceVersion;
    return { item, object, did: before === undefined ? 'created' : isSame ? 'unchanged' : 'configured' };
  } catch (error) {
    throw toldFor(item, error, options.dryRun);
  }
}

/** The server names the owner of each field in conflict within the message alone. */
function foreignConflicts(error: KubeApiError): readonly StatusCause[] {
  return error.causes.filter((cause) => !cause.message?.startsWith(`conflict with "${cliFieldManager}" `));
}

/** Returns the object as it is before the apply. */
async function adoptOwnership(client: KubeClient, kind: Kind, name: string): Promise<KonObject | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const object = await findObject(client, kind, name);
    const adopted =
      object && adoptUpdates((object as KubeObject).metadata.managedFields ?? [], cliFieldManager);
    if (!adopted) return object;
    try {
      return await client.patch<KonObject & KubeObject>(
        kind.resource,
        { name },
        [
          { op: 'test', path: '/metadata/resourceVersion', value: object.metadata.resourceVersion },
          { op: 'replace', path: '/metadata/managedFields', value: adopted },
        ],
        { type: 'json', fieldManager: cliFieldManager },
      );
    } catch (error) {
      const hasMoved = isConflict(error) || isInvalid(error);
      if (!hasMoved || attempt === adoptionAttempts) throw error;
    }
  }
}

function toldFor(item: Item, error: unknown, dryRun: boolean): unknown {
  if (!(error instanceof KubeApiError)) return error;
  const suffix = dryRun ? '; nothing was written' : '';
  if (isInvalid(error) || isBadRequest(error) || isUndeclaredField(error))
    return new CliError('INVALID', `${item.label} is refused by the API server${suffix}`, {
      details: allProblems(item, error),
      next: emptiedListAdvice(item, error),
      cause: error,
    });
  if (isConflict(error))
    return new CliError('CONFLICT', `${item.label} has fields which another tool has set${suffix}`, {
      details: foreignConflicts(error).map((cause) => `${cause.field}: ${cause.message}`),
      next: ['Leave these fields out of the file, or take them over with --force-conflicts.'],
      cause: error,
    });
  return error;
}

/** Of unknown fields an apply is told only the first; the others are found here. */
function allProblems(item: Item, error: KubeApiError): readonly string[] {
  const unknown = isUndeclaredField(error)
    ? unknownFields(item.manifest, crdSchema(item.kind.resource.kind)).map(unknownFieldProblem)
    : [];
  return unknown.length > 0 ? unknown : apiProblems(error);
}

/**
 * When an applied list loses its last entry, server-side apply drops the list, and the objects around it if nothing
 * else is in them, whatever the manifest says; kubectl meets the same. A replacement is not affected.
 */
function emptiedListAdvice({ kind, manifest }: Item, error: KubeApiError): readonly string[] {
  const isPruned = error.causes.some((cause) => cause.reason === 'FieldValueRequired');
  const hasEmptyList = JSON.stringify(manifest.spec).includes('[]');
  return isPruned && hasEmptyList
    ? [
        `The API server cannot apply a list that becomes empty. Replace the whole: ${kind.advice.edit(manifest.metadata.name)} -f FILE`,
      ]
    : [];
}
