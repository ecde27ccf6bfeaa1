/** Renders the text of `kon app status`. */
import type { App, AppTargetStatus } from '../../../../api/app.ts';
import { findCondition } from '../../../../k8s/conditions.ts';
import { appKind } from '../../../cluster/kinds.ts';
import type { Style } from '../../../framework/output/color.ts';
import { renderPage, renderSection } from '../../../objects/details.ts';
import type { ShowOptions, View } from '../../../objects/show.ts';
import type { Column } from '../../../framework/output/table.ts';
import { renderPodsNotCurrent } from '../../../pods/not-current.ts';
import { appPodsNotCurrent } from '../../../pods/read-pods.ts';
import { imageOf } from '../columns.ts';

export const appView: View<App> = { render: renderApp, pods: appPodsNotCurrent };

function renderApp(app: App, options: ShowOptions): string {
  const { spec, status } = app;
  const { stdout } = options;
  const known = new Map(status?.targets?.map((target) => [target.name, target]));
  const targets = [
    ...spec.targets.map(({ name }): TargetRow => known.get(name) ?? { name }),
    // Targets that still exist in the status but are no longer in the spec.
    ...[...known.values()].filter((target) => !spec.targets.some(({ name }) => name === target.name)),
  ];
  return renderPage(appKind, app, options, {
    fields: [
      ['Image', imageOf(app)],
      ['Account', accountText(app)],
      ['Ports', spec.ports?.map((port) => `${port.name} ${port.port}/${port.protocol}`).join(', ')],
      ['Configs', spec.configs?.map((config) => config.name).join(', ')],
      ['Depends on', spec.dependencies?.map((dependency) => dependency.name).join(', ')],
    ],
    sections: [
      renderSection('Targets', targetColumns, targets, stdout),
      renderPodsNotCurrent(options.pods ?? [], options.now(), stdout),
    ],
  });
}

function accountText({ spec, status }: App): string {
  if (spec.serviceAccount !== undefined) return spec.serviceAccount;
  return findCondition(status?.conditions, 'IdentityReady')?.reason === 'UnexpectedIdentity'
    ? 'none, but its pods hold an AWS identity (UnexpectedIdentity)'
    : 'none; its pods hold no AWS permissions';
}

/** Row of a target. It has only a name until the operator has processed the target. */
type TargetRow = Partial<AppTargetStatus> & { readonly name: string };

const stateStyles: Readonly<Record<AppTargetStatus['state'], Style | undefined>> = {
  Ready: 'green',
  Progressing: 'yellow',
  WaitingForIdentity: 'yellow',
  Halted: 'dim',
  Failed: 'red',
};

const targetColumns: readonly Column<TargetRow>[] = [
  { header: 'NAME', value: (target) => target.name },
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
  { header: 'REVISION', value: (target) => target.revision ?? '' },
  { header: 'IMAGE', value: (target) => target.image ?? '' },
  { header: 'ROLE', value: (target) => target.roleArn ?? '' },
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
    // The message of a ready target repeats the number of its replicas.
    value: ({ state, reason, message = '' }) => (state === 'Ready' && reason === undefined ? '' : message),
  },
];
