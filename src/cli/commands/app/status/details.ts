/** An app as `kon app status` tells it. */
import type { App, AppTargetStatus } from '../../../../api/app.ts';
import { findCondition } from '../../../../k8s/conditions.ts';
import { readyOf } from '../../../cluster/conditions.ts';
import { appKind } from '../../../cluster/kinds.ts';
import type { Style } from '../../../framework/output/color.ts';
import { ageOf } from '../../../objects/columns.ts';
import {
  conditionColumns,
  createdText,
  eventColumns,
  renderFields,
  renderNext,
  renderSection,
} from '../../../objects/details.ts';
import type { ShowOptions, View } from '../../../objects/show.ts';
import type { Column } from '../../../framework/output/table.ts';
import { renderPodsOutOfStep } from '../../../pods/out-of-step.ts';
import { appPodsOutOfStep } from '../../../pods/read-pods.ts';
import { imageOf } from '../columns.ts';

export const appView: View<App> = { render: renderApp, pods: appPodsOutOfStep };

function renderApp(app: App, options: ShowOptions): string {
  const { metadata, spec, status } = app;
  const { stdout } = options;
  const now = options.now();
  const ready = readyOf(app);
  const known = new Map(status?.targets?.map((target) => [target.name, target]));
  const targets = [
    ...spec.targets.map(({ name }): TargetRow => known.get(name) ?? { name }),
    // Still there, and no longer wanted.
    ...[...known.values()].filter((target) => !spec.targets.some(({ name }) => name === target.name)),
  ];
  return [
    renderFields([
      ['App', metadata.name],
      ['Ready', ready ? `${ready.status} (${ready.reason})` : 'Unknown (no operator has looked at it)'],
      ['Message', ready?.message],
      ['Image', imageOf(app)],
      ['Account', accountText(app)],
      ['Ports', spec.ports?.map((port) => `${port.name} ${port.port}/${port.protocol}`).join(', ')],
      ['Configs', spec.configs?.map((config) => config.name).join(', ')],
      ['Depends on', spec.dependencies?.map((dependency) => dependency.name).join(', ')],
      ['Created', createdText(metadata.creationTimestamp, now)],
      ['Deleting', metadata.deletionTimestamp && `asked for ${ageOf(metadata.deletionTimestamp, now)} ago`],
    ]),
    renderSection('Targets', targetColumns, targets, stdout),
    renderPodsOutOfStep(options.pods ?? [], now, stdout),
    renderSection('Conditions', conditionColumns(now), status?.conditions ?? [], stdout),
    renderSection('Events', eventColumns(now), options.events ?? [], stdout),
    renderNext(appKind, app, stdout),
  ].join('');
}

function accountText({ spec, status }: App): string {
  if (spec.serviceAccount !== undefined) return spec.serviceAccount;
  return findCondition(status?.conditions, 'IdentityReady')?.reason === 'UnexpectedIdentity'
    ? 'none, but its pods hold an AWS identity (UnexpectedIdentity)'
    : 'none; its pods hold no AWS permissions';
}

/** A target that the operator has not looked at yet has nothing but its name. */
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
  { header: 'MESSAGE', value: (target) => target.message ?? '' },
];
