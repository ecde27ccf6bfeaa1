/** Columns that several tables share. */
import type { Condition } from '../../k8s/conditions.ts';
import { formatAge } from '../framework/duration.ts';
import { readyOf, type KonObject } from '../cluster/kinds.ts';
import type { Style } from '../framework/output/color.ts';
import type { Column } from '../framework/output/table.ts';

export const nameColumn: Column<KonObject> = {
  header: 'NAME',
  value: (object) => object.metadata.name,
  whole: true,
};

export const readyColumn: Column<KonObject> = {
  header: 'READY',
  value: (object) => readyOf(object)?.status ?? 'Unknown',
  style: (object) => statusStyle(readyOf(object)?.status),
};

export const reasonColumn: Column<KonObject> = {
  header: 'REASON',
  value: (object) =>
    object.metadata.deletionTimestamp === undefined
      ? (readyOf(object)?.reason ?? 'NotObserved')
      : readyOf(object)?.status === 'False'
        ? (readyOf(object)?.reason ?? 'Deleting')
        : 'Deleting',
};

/** Shows `yes` in green, or `no` in red. */
export function yesNoColumn<T>(header: string, is: (row: T) => boolean): Column<T> {
  return {
    header,
    value: (row) => (is(row) ? 'yes' : 'no'),
    style: (row) => (is(row) ? 'green' : 'red'),
  };
}

type Problem = { readonly reason?: string | undefined; readonly message?: string | undefined };

/** Columns for the problem of a row, if any. */
export const problemColumns: readonly Column<Problem>[] = [
  { header: 'REASON', value: ({ reason = '' }) => reason },
  { header: 'MESSAGE', wraps: true, value: ({ message = '' }) => message },
];

/** Creation time; on a terminal, the time since the creation. */
export function createdColumn(
  now: number,
): Column<{ readonly metadata: { readonly creationTimestamp?: string } }> {
  return {
    header: 'CREATED',
    value: ({ metadata }) => metadata.creationTimestamp ?? '',
    short: ({ metadata }) =>
      metadata.creationTimestamp === undefined ? '' : `${ageOf(metadata.creationTimestamp, now)} ago`,
  };
}

export function ageOf(timestamp: string | undefined, now: number): string {
  return timestamp === undefined ? '' : formatAge(now - Date.parse(timestamp));
}

export function statusStyle(status: Condition['status'] | undefined): Style | undefined {
  if (status === 'True') return 'green';
  return status === 'False' ? 'red' : 'yellow';
}
