/** Renders the text of `kon app status`. */
import type { App, AppTargetStatus } from '../../../../api/app.ts';
import { findCondition } from '../../../../k8s/conditions.ts';
import { appKind } from '../../../cluster/kinds.ts';
import type { Style } from '../../../framework/output/color.ts';
import { filledColumns, renderPage, renderSection } from '../../../objects/details.ts';
import type { ShowOptions, View } from '../../../objects/show.ts';
import type { Column } from '../../../framework/output/table.ts';
import { renderPodsNotCurrent, appPodsNotCurrent } from '../../../pods/not-current.ts';
import { imageOf } from '../columns.ts';

/** @param isWhole whether to also show all conditions, Events, and the image and role of each target */
export const appView = (isWhole: boolean): View<App> => ({
  render: (app, options) => renderApp(app, options, isWhole),
  pods: appPodsNotCurrent,
});

function renderApp(app: App, options: ShowOptions, isWhole: boolean): string {
  const { spec, status } = app;
  const { stdout } = options;
  const known = new Map(status?.targets?.map((target) => [target.name, target]));
  const targets = [
    ...spec.targets.map(({ name }): TargetRow => known.get(name) ?? { name }),
    // Adds targets that are still in the status but no longer in the spec.
    ...[...known.values()].filter((target) => !spec.targets.some(({ name }) => name === target.name)),
  ];
  const roles = [...new Set(targets.flatMap(({ roleArn }) => roleArn ?? []))];
  const repeated = isWhole
    ? []
    : [...(roles.length === 1 ? [roleColumn] : []), ...repeatedImage(app, targets)];
  const columns = isWhole ? targetColumns : filledColumns(targetColumns, targets);
  return renderPage(appKind, app, options, {
    fields: [
      ['Image', imageOf(app)],
      ['Account', accountText(app)],
      ['Role', roles.length > 1 ? undefined : roles[0]],
      ['Ports', spec.ports?.map((port) => `${port.name} ${port.port}/${port.protocol}`).join(', ')],
      ['Configs', spec.configs?.map((config) => config.name).join(', ')],
      ['Depends on', spec.dependencies?.map((dependency) => dependency.name).join(', ')],
    ],
    sections: [
      renderSection(
        'Targets',
        columns.filter((column) => !repeated.includes(column)),
        targets,
        stdout,
      ),
      renderPodsNotCurrent(options.pods ?? [], options.now(), stdout),
    ],
    shown: isWhole ? undefined : new Set(targets.flatMap(({ reason }) => reason ?? [])),
  });
}

/** Returns the columns to omit: the image column, if every target has the image that the page already shows. */
function repeatedImage(app: App, targets: readonly TargetRow[]): readonly Column<TargetRow>[] {
  const image = imageOf(app);
  return targets.every((target) => target.image === undefined || target.image === image) ? [imageColumn] : [];
}

function accountText({ spec, status }: App): string {
  if (spec.serviceAccount !== undefined) return spec.serviceAccount;
  return findCondition(status?.conditions, 'IdentityReady')?.reason === 'UnexpectedIdentity'
    ? 'none, but its pods hold an AWS identity (UnexpectedIdentity)'
    : 'none; its pods hold no AWS permissions';
}

/** Row of a target. Contains only the name until the operator has processed the target. */
type TargetRow = Partial<AppTargetStatus> & { readonly name: string };

const stateStyles: Readonly<Record<AppTargetStatus['state'], Style | undefined>> = {
  Ready: 'green',
  Progressing: 'yellow',
  WaitingForIdentity: 'yellow',
  Halted: 'dim',
  Failed: 'red',
};

const imageColumn: Column<TargetRow> = {
  header: 'IMAGE',
  omission: 2,
  value: (target) => target.image ?? '',
};

const roleColumn: Column<TargetRow> = {
  header: 'ROLE',
  omission: 3,
  value: (target) => target.roleArn ?? '',
};

const targetColumns: readonly Column<TargetRow>[] = [
  { header: 'NAME', value: (target) => target.name, whole: true },
  {
    header: 'STATE',
    value: (target) => target.state ?? 'NotObserved',
    style: (target) => target.state && stateStyles[target.state],
  },
  {
    header: 'REPLICAS',
    value: (target) =>
      target.replicas === undefined ? '' : `${target.readyReplicas ?? 0}/${target.replicas}`,
  },
  { header: 'REVISION', omission: 1, value: (target) => target.revision ?? '' },
  imageColumn,
  roleColumn,
  {
    header: 'IDENTITY',
    value: (target) =>
      target.identityCurrent === undefined ? '' : target.identityCurrent ? 'current' : 'not current',
    style: (target) => (target.identityCurrent === false ? 'yellow' : undefined),
  },
  { header: 'REASON', value: (target) => target.reason ?? '' },
  {
    header: 'MESSAGE',
    wraps: true,
    // Omits the message of a ready target, because it only repeats the number of replicas.
    value: ({ state, reason, message = '' }) => (state === 'Ready' && reason === undefined ? '' : message),
  },
];
