/** Selects and sorts the rows of `list`. Pure. */
import type { App } from '../../api/app.ts';
import { matchesPattern } from '../../identity/desired/arn.ts';
import { policyEntries } from '../../identity/desired/policy-entries.ts';
import type { KonObject } from '../cluster/kinds.ts';
import { usageError } from '../framework/errors.ts';
import { parseLonePath, textOf } from '../framework/output/json-path.ts';
import type { Column } from '../framework/output/table.ts';
import { isReady } from '../framework/wait/progress.ts';

export type SelectionOptions = {
  readonly notReady: boolean;
  /** Targets; objects in any of these targets are selected. */
  readonly target: readonly string[];
  /**
   * Policies, as ARN, name, last part of the ARN, or pattern with `*`; accounts with any of these policies are
   * selected.
   */
  readonly policy?: readonly string[];
  /** Names of accounts. Apps that use any of these accounts are selected. */
  readonly account?: readonly string[];
};

export function isSelected(object: KonObject, options: SelectionOptions): boolean {
  const { notReady, target, policy = [], account = [] } = options;
  return (
    (!notReady || !isReady(object)) &&
    (target.length === 0 || target.some((name) => runsIn(object, name))) &&
    (policy.length === 0 || policy.some((wanted) => lists(object, wanted))) &&
    (account.length === 0 ||
      account.some((name) => (object.spec as Partial<App['spec']>).serviceAccount === name))
  );
}

/** Whether an app runs in the target, or an account may be used there. */
function runsIn(object: KonObject, target: string): boolean {
  if (object.kind === 'App') return object.spec.targets.some(({ name }) => name === target);
  return object.spec.targets === undefined || object.spec.targets.includes(target);
}

function lists(object: KonObject, wanted: string): boolean {
  if (object.kind !== 'LinkedServiceAccount') return false;
  return policyEntries(object.spec.aws).some((entry) =>
    [entry, entry.slice(entry.lastIndexOf('/') + 1)].some(
      (name) => name.toLowerCase() === wanted.toLowerCase() || matchesPattern(name, wanted),
    ),
  );
}

/**
 * Sorts by a column, or by a path in the object as kubectl does: `created`, `.metadata.creationTimestamp`.
 * @param objectOf returns the object of a row; the path refers to this object
 * @throws CliError of code USAGE for an unknown column
 */
export function sorted<T>(
  rows: readonly T[],
  by: string,
  columns: readonly Column<T>[],
  objectOf: (row: T) => unknown = (row) => row,
): readonly T[] {
  const column = columns.find(({ header }) => header.toLowerCase() === by.toLowerCase());
  if (!column && !/^[.{]/.test(by))
    throw usageError(
      `there is no column "${by}" to sort by`,
      `Pass one of ${columns.map(({ header }) => header.toLowerCase()).join(', ')}, or a path such as .metadata.creationTimestamp`,
    );
  const find = column ? undefined : parseLonePath(by);
  const keyed = rows.map((row) => ({
    row,
    key: find ? find(objectOf(row)).map(textOf).join(',') : column!.value(row),
  }));
  const compare = new Intl.Collator('en', { numeric: true }).compare;
  return keyed.toSorted((a, b) => compare(a.key, b.key)).map(({ row }) => row);
}
