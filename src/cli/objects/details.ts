/** Renders sections of `show` and `status`. */
import type { Condition } from '../../k8s/conditions.ts';
import { explanationsOf } from '../commands/explain/codes.ts';
import type { ObjectEvent } from '../cluster/events.ts';
import type { CliContext, Output } from '../framework/context.ts';
import { readyOf, type Kind, type KonObject } from '../cluster/kinds.ts';
import { nextStepsFor, requiresUserAction, subjectOf } from '../framework/wait/reasons.ts';
import { problemsOf } from '../framework/wait/progress.ts';
import { paint, printable } from '../framework/output/color.ts';
import { ageOf, statusStyle } from './columns.ts';
import { renderTable, type Column } from '../framework/output/table.ts';

/**
 * Renders the output of `show` and `status` for an object: its fields, then the sections of its kind, then the sections
 * common to all kinds.
 *
 * @param page.fields fields specific to the kind, printed between the fields that every object has
 * @param page.shown reasons that the sections already show. If given, the page is short: it repeats none of these
 * reasons, and lists only conditions with other reasons
 */
export function renderPage(
  kind: Kind,
  object: KonObject,
  {
    now: clock,
    stdout,
    events,
  }: Pick<CliContext, 'now' | 'stdout'> & {
    readonly events: readonly ObjectEvent[] | undefined;
  },
  page: {
    readonly fields: readonly Field[];
    readonly sections: readonly string[];
    readonly shown?: ReadonlySet<string> | undefined;
  },
): string {
  const { name, creationTimestamp, deletionTimestamp } = object.metadata;
  const now = clock();
  const ready = readyOf(object);
  const { shown } = page;
  const conditions = (object.status?.conditions ?? []).filter(
    ({ status, reason }) => !shown || (status !== 'True' && reason !== ready?.reason && !shown.has(reason)),
  );
  return [
    renderFields([
      [`${kind.noun.charAt(0).toUpperCase()}${kind.noun.slice(1)}`, name],
      [
        'Ready',
        ready ? `${ready.status} (${ready.reason})` : 'Unknown (no operator has processed the object)',
      ],
      ['Message', ready && shown?.has(ready.reason) ? undefined : ready?.message],
      ...page.fields,
      ['Created', shown ? undefined : createdText(creationTimestamp, now)],
      ['Deleting', deletionTimestamp && `requested ${ageOf(deletionTimestamp, now)} ago`],
    ]),
    ...page.sections,
    renderSection('Conditions', conditionColumns(now), conditions, stdout),
    renderSection('Events', eventColumns(now), shown ? [] : (events ?? []), stdout),
    renderNext(kind, object, stdout),
  ].join('');
}

type Field = readonly [label: string, value: string | undefined];

/** Renders lines such as `Role: arn:…`, with the values in one column. Omits fields without a value. */
export function renderFields(fields: readonly Field[]): string {
  const given = fields.filter((field): field is readonly [string, string] => Boolean(field[1]));
  const width = Math.max(...given.map(([label]) => label.length)) + 3;
  return given.map(([label, value]) => `${`${label}:`.padEnd(width)}${printable(value)}\n`).join('');
}

function createdText(timestamp: string | undefined, now: number): string | undefined {
  return timestamp && `${timestamp} (${ageOf(timestamp, now)} ago)`;
}

export function renderSection<T>(
  title: string,
  columns: readonly Column<T>[],
  rows: readonly T[],
  output: Output,
): string {
  if (rows.length === 0) return '';
  // Sections are always formatted for a terminal, because programs use JSON.
  const aligned: Output = { ...output, isTTY: true };
  return `\n${paint('bold', `${title}:`, output.color)}\n${renderTable(columns, rows, { output: aligned, format: 'wide', indent: 2, fit: true })}`;
}

/** Omits columns that are empty in all rows. */
export const filledColumns = <T>(columns: readonly Column<T>[], rows: readonly T[]): readonly Column<T>[] =>
  columns.filter(({ value }) => rows.some((row) => value(row) !== ''));

function conditionColumns(now: number): readonly Column<Condition>[] {
  return [
    { header: 'TYPE', value: (condition) => condition.type },
    {
      header: 'STATUS',
      value: (condition) => condition.status,
      style: (condition) => statusStyle(condition.status),
    },
    { header: 'REASON', value: (condition) => condition.reason },
    { header: 'SINCE', value: (condition) => ageOf(condition.lastTransitionTime, now) },
    { header: 'MESSAGE', wraps: true, value: (condition) => condition.message },
  ];
}

function eventColumns(now: number): readonly Column<ObjectEvent>[] {
  return [
    { header: 'AGE', value: (event) => ageOf(event.lastSeen, now) },
    {
      header: 'TYPE',
      value: (event) => event.type,
      style: (event) => (event.type === 'Normal' ? undefined : 'yellow'),
    },
    { header: 'REASON', value: (event) => event.reason },
    { header: 'COUNT', value: (event) => String(event.count) },
    { header: 'MESSAGE', wraps: true, value: (event) => event.message },
  ];
}

/** Renders the next steps if the object is not Ready, and the command that explains the reason. */
function renderNext(kind: Kind, object: KonObject, output: Output): string {
  const ready = readyOf(object);
  if (ready?.status === 'True') return '';
  const reasons = [ready?.reason ?? 'NotObserved', ...problemsOf(object).map((problem) => problem.reason)];
  // Each list of steps ends with the advice to show the object, which is superfluous on this page.
  const steps = new Set(
    reasons.flatMap((reason) => nextStepsFor(reason, subjectOf(kind, object)).slice(0, -1)),
  );
  if (steps.size === 0) return '';
  const explained = reasons.filter((reason) => explanationsOf(reason).length > 0);
  const worst = explained.find((reason) => requiresUserAction(reason)) ?? explained[0];
  if (worst !== undefined) steps.add(`For more information: kon explain ${worst}`);
  return `\n${paint('bold', 'Next:', output.color)}\n${[...steps].map((step) => `  ${step}\n`).join('')}`;
}
