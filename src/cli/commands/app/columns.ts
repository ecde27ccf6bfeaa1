/** Columns of the table of apps. */
import type { App } from '../../../api/app.ts';
import { createdColumn, nameColumn, readyColumn, reasonColumn } from '../../objects/columns.ts';
import type { Column } from '../../framework/output/table.ts';

export function appColumns(now: number): readonly Column<App>[] {
  return [
    nameColumn,
    readyColumn,
    reasonColumn,
    { header: 'IMAGE', value: (app) => imageOf(app), short: (app) => imageOf(app).split('/').at(-1) ?? '' },
    { header: 'ACCOUNT', value: (app) => app.spec.serviceAccount ?? '' },
    { header: 'TARGETS', value: (app) => app.status?.ready ?? '' },
    createdColumn(now),
  ];
}

export function imageOf({ spec }: App): string {
  const image = spec.registry ? `${spec.registry.replace(/\/$/, '')}/${spec.image}` : spec.image;
  return spec.imageTag === undefined ? image : `${image}:${spec.imageTag}`;
}
