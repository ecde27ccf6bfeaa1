/**
 * Reads the documents of `kon apply` and `kon diff`, and applies them with server-side apply, in a dry run or for real.
 */
import { isDeepStrictEqual } from 'node:util';
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
import type { CliContext } from '../framework/context.ts';
import { CliError, usageError } from '../framework/errors.ts';
import { apiProblems, isUndeclaredField } from '../framework/api-problems.ts';
import { nameOf, type Kind, type KonObject } from '../cluster/kinds.ts';
import { checkManifest, crdSchema, unknownFieldProblem } from '../manifest/check.ts';
import { presentable, writable, type Manifest } from '../manifest/present.ts';
import { unknownFields, type Path } from '../manifest/schema.ts';
import { adoptUpdates } from './ownership.ts';
import { filesOf, locatedProblem, readSource } from '../manifest/source.ts';

export type Item = {
  readonly kind: Kind;
  readonly manifest: Manifest;
  /** `linkedserviceaccount/myaccount` */
  readonly label: string;
};

export type Applied = {
  readonly item: Item;
  readonly object: KonObject;
  readonly did: 'created' | 'configured' | 'unchanged';
};

export type DryRunResult = Applied & { readonly before: KonObject | undefined };

/**
 * Maximum number of attempts to adopt ownership of fields. After a concurrent write, which is rare, the object is read
 * again.
 */
const adoptionAttempts = 5;

/** @throws CliError of code USAGE, MANIFEST_UNREADABLE or INVALID */
export async function itemsOfFiles(
  context: CliContext,
  filenames: readonly string[],
  recursive: boolean,
): Promise<readonly Item[]> {
  if (filenames.length === 0)
    throw usageError('no file given', 'Pass a file with -f FILE, or -f - for stdin.');
  const files = (
    await Promise.all(filenames.map((filename) => filesOf(context.cwd, filename, recursive)))
  ).flat();
  const read = await Promise.allSettled(files.map((file) => itemsOf(context, file)));
  refuseFaulty(read.flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : [])));
  const items = read.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  refuseTwice(items);
  return items;
}

/** Reports all faulty files at once. */
function refuseFaulty(errors: readonly unknown[]): void {
  const [first] = errors;
  if (errors.length === 0) return;
  const faults = errors.filter((error) => error instanceof CliError);
  if (errors.length === 1 || faults.length < errors.length) throw first;
  const code = faults.some((fault) => fault.code === 'INVALID') ? 'INVALID' : 'MANIFEST_UNREADABLE';
  throw new CliError(code, `${faults.length} files are faulty; nothing was written`, {
    details: faults.flatMap((fault) => [
      fault.message.replace(/; nothing was written$/, ''),
      ...fault.details.map((line) => `  ${line}`),
    ]),
    next: [...new Set(faults.flatMap((fault) => fault.next))],
  });
}

async function itemsOf(context: CliContext, filename: string): Promise<readonly Item[]> {
  const { origin, documents, lines } = await readSource(context, filename);
  const values = documents.flatMap((document, index) =>
    unpackList(document).map(({ value, path }) => ({
      value,
      lineOf: (field: Path): number => lines[index]?.([...path, ...field]) ?? 1,
    })),
  );
  const problems: string[] = [];
  let isOtherKind = false;
  const items = values.flatMap(({ value, lineOf }): readonly Item[] => {
    const checked = checkManifest(value);
    if (checked.kind === 'sound') {
      const { of, manifest } = checked;
      return [{ kind: of, manifest, label: nameOf(of, manifest.metadata.name) }];
    }
    problems.push(...checked.problems.map((problem) => locatedProblem(origin, lineOf, problem)));
    isOtherKind ||= checked.problems.some(({ path }) => path[0] === 'kind');
    return [];
  });
  if (problems.length === 0) return items;
  throw new CliError('INVALID', `${origin} is invalid; nothing was written`, {
    details: problems,
    ...(isOtherKind ? { next: ['kon applies only its own kinds; for others: kubectl apply -f FILE'] } : {}),
  });
}

/** Unpacks a `List`: `-o json` and kubectl print several objects in this form. */
function unpackList(value: unknown): readonly { readonly value: unknown; readonly path: Path }[] {
  const list = value as { kind?: unknown; items?: unknown } | null;
  return list?.kind === 'List' && Array.isArray(list.items)
    ? list.items.map((item: unknown, index) => ({ value: item, path: ['items', index] }))
    : [{ value, path: [] }];
}

function refuseTwice(items: readonly Item[]): void {
  const labels = items.map((item) => item.label);
  const twice = labels.find((label, index) => labels.indexOf(label) !== index);
  if (twice !== undefined) throw new CliError('INVALID', `${twice} occurs twice; nothing was written`);
}

type Force = { readonly force: boolean };

/** Returns the object as the API server would store it. @throws CliError if the API server would refuse the object */
export async function tryItem(client: KubeClient, item: Item, { force }: Force): Promise<KonObject> {
  try {
    return await serverSideApply(client, item, { force, dryRun: true });
  } catch (error) {
    // Before a real write, `kon` takes over the fields that its earlier updates own. A dry run does not take them over,
    // so it can conflict with these updates. Such a conflict is overridden.
    if (isConflict(error) && foreignConflicts(error).length === 0)
      return serverSideApply(client, item, { force: true, dryRun: true });
    throw explainRefusal(item, error, '; nothing was written');
  }
}

/**
 * Compares the result of a dry run with the existing object. Warns of one limitation: a dry run does not remove fields
 * that `kon create` or `edit` set and that the file omits. Only a real write transfers these fields to server-side
 * apply, which can then remove them.
 */
export async function dryRunItem(
  context: CliContext,
  client: KubeClient,
  item: Item,
  force: Force,
): Promise<DryRunResult> {
  const { name } = item.manifest.metadata;
  const [before, object] = await Promise.all([
    findObject(client, item.kind, name),
    tryItem(client, item, force),
  ]);
  if (before && adoptUpdates((before as KubeObject).metadata.managedFields ?? [], cliFieldManager))
    context.stderr.write(
      `‼ ${item.label}: the write also removes fields that kon create or edit had set and that the file does not contain; a dry run cannot show that.\n`,
    );
  return { item, before, object, did: outcomeOf(before, object) };
}

export async function applyItem(client: KubeClient, item: Item, { force }: Force): Promise<Applied> {
  try {
    const before = await adoptOwnership(client, item.kind, item.manifest.metadata.name);
    const object = await serverSideApply(client, item, { force, dryRun: false });
    return { item, object, did: outcomeOf(before, object) };
  } catch (error) {
    throw explainRefusal(item, error, '');
  }
}

/**
 * Compares the fields that users write, not the resourceVersion: the resourceVersion also changes when the API server
 * stores defaults in the status.
 */
function outcomeOf(before: KonObject | undefined, object: KonObject): Applied['did'] {
  if (before === undefined) return 'created';
  return isDeepStrictEqual(presentable(before), presentable(object)) ? 'unchanged' : 'configured';
}

async function serverSideApply(
  client: KubeClient,
  { kind, manifest }: Item,
  options: Force & { readonly dryRun: boolean },
): Promise<KonObject> {
  return (await client.apply(kind.resource, writable(manifest), {
    fieldManager: cliFieldManager,
    fieldValidation: 'Strict',
    ...options,
  })) as unknown as KonObject;
}

/** Lists conflicts with other field managers. The API server names the owner of a field only in the message. */
function foreignConflicts(error: KubeApiError): readonly StatusCause[] {
  return error.causes.filter((cause) => !cause.message?.startsWith(`conflict with "${cliFieldManager}" `));
}

/**
 * Makes server-side apply the owner of the fields that `kon create` and `edit` set. Returns the object as it was before
 * the apply.
 */
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

function explainRefusal(item: Item, error: unknown, suffix: string): unknown {
  if (!(error instanceof KubeApiError)) return error;
  if (isInvalid(error) || isBadRequest(error) || isUndeclaredField(error))
    return new CliError('INVALID', `the API server refused ${item.label}${suffix}`, {
      details: allProblems(item, error),
      next: emptiedListAdvice(item, error),
      cause: error,
    });
  if (isConflict(error))
    return new CliError('CONFLICT', `${item.label} has fields that another tool has set${suffix}`, {
      details: foreignConflicts(error).map((cause) => `${cause.field}: ${cause.message}`),
      next: ['Remove these fields from the file, or take them over with --force-conflicts.'],
      cause: error,
    });
  return error;
}

/** Finds all unknown fields, because an apply reports only the first one. */
function allProblems(item: Item, error: KubeApiError): readonly string[] {
  const unknown = isUndeclaredField(error)
    ? unknownFields(item.manifest, crdSchema(item.kind.resource.kind)).map(
        (unknown) => unknownFieldProblem(unknown).text,
      )
    : [];
  return unknown.length > 0 ? unknown : apiProblems(error);
}

/**
 * Explains a side effect of server-side apply. When an applied list loses its last entry, the API server drops the
 * list, even if the manifest contains an empty list. The API server also drops the objects around the list if they are
 * otherwise empty. kubectl has the same side effect; replacing the object does not.
 */
function emptiedListAdvice({ kind, manifest }: Item, error: KubeApiError): readonly string[] {
  const isPruned = error.causes.some((cause) => cause.reason === 'FieldValueRequired');
  const hasEmptyList = JSON.stringify(manifest.spec).includes('[]');
  return isPruned && hasEmptyList
    ? [
        `A server-side apply cannot remove the last entry of a list. Replace the whole object instead: ${kind.advice.edit(manifest.metadata.name)} -f FILE`,
      ]
    : [];
}
