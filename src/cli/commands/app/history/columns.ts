/** Columns of the table of revisions. */
import { ageOf } from '../../../objects/columns.ts';
import type { Column } from '../../../framework/output/table.ts';
import type { Revision } from '../revisions.ts';

export function revisionColumns(now: number): readonly Column<Revision>[] {
  return [
    { header: 'TARGET', value: (revision) => revision.target },
    { header: 'REVISION', value: (revision) => String(revision.number) },
    {
      header: 'STATE',
      value: (revision) => (revision.current ? 'deployed' : revision.replicas > 0 ? 'going' : 'kept'),
      style: (revision) => (revision.current ? 'green' : undefined),
    },
    {
      header: 'IMAGE',
      value: (revision) => revision.image,
      short: (revision) => revision.image.split('/').at(-1) ?? '',
    },
    {
      header: 'IDENTITY',
      value: (revision) => revision.role ?? '',
      short: (revision) => revision.role?.split('/').at(-1) ?? '',
    },
    { header: 'CHANGED', value: (revision) => revision.changes.join(',') },
    {
      header: 'DEPLOYED',
      value: (revision) => revision.createdAt ?? '',
      short: (revision) => (revision.createdAt ? `${ageOf(revision.createdAt, now)} ago` : ''),
    },
  ];
}
