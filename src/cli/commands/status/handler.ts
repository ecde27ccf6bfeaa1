/** `kon status`: shows on one screen what runs on the cluster and what needs attention. */
import { isForbidden } from '../../../kube/index.ts';
import { eventsOfReason } from '../../cluster/events.ts';
import { accountKind, appKind, clusterConfigKind } from '../../cluster/kinds.ts';
import { listObjects } from '../../cluster/objects.ts';
import { leaseSign, listLeases, serverTime } from '../../cluster/operator-lease.ts';
import type { CliContext } from '../../framework/context.ts';
import { explanationsOf } from '../explain/codes.ts';
import { formatAge } from '../../framework/duration.ts';
import { writeDocument } from '../../framework/output/answer.ts';
import { paint, printable } from '../../framework/output/color.ts';
import type { Column } from '../../framework/output/table.ts';
import { ageOf } from '../../objects/columns.ts';
import { renderFields, renderSection } from '../../objects/details.ts';
import { summarize, type NotReady, type Observed, type Status } from './summary.ts';

/** Maximum number of rows of each list in text output. JSON and YAML contain all rows. */
const shownRows = 10;
/** Maximum age in milliseconds of a drift Event that is shown. */
const recentMs = 3_600_000;

export async function statusFlow(context: CliContext): Promise<void> {
  const status = summarize(await observe(context));
  await writeDocument(context, 'Status', status, (color) => renderStatus(context, status, color));
}

async function observe({ connect, now, signal }: CliContext): Promise<Observed> {
  const client = await connect();
  const leases = async (): Promise<Observed['leases']> => {
    const [found, time] = await Promise.all([listLeases(client, signal), serverTime(client, signal)]);
    return found.map((lease) => leaseSign(lease, time ?? now()));
  };
  const drifted = async (): Promise<Observed['drifted']> => {
    const events = await eventsOfReason(client, 'RoleDrifted', accountKind.resource.kind);
    return events.filter(({ lastSeen }) => now() - Date.parse(lastSeen) < recentMs);
  };
  let refusal: unknown;
  const readable = async <T>(read: Promise<T>): Promise<T | undefined> => {
    try {
      return await read;
    } catch (error) {
      if (!isForbidden(error)) throw error;
      refusal ??= error;
      return undefined;
    }
  };
  const [configs, accounts, apps, signs, events] = await Promise.all([
    readable(listObjects(client, clusterConfigKind)),
    readable(listObjects(client, accountKind)),
    readable(listObjects(client, appKind)),
    readable(leases()),
    readable(drifted()),
  ]);
  const all = { configs, accounts, apps, leases: signs, drifted: events };
  if (Object.values(all).every((part) => part === undefined)) throw refusal;
  return all;
}

function renderStatus({ stdout, now }: CliContext, status: Status, color: boolean): string {
  const { notReady, drift, unreadable } = status;
  const fields = renderFields([
    ['Cluster', clusterText(status)],
    ['Operator', operatorText(status)],
    ['Targets', status.cluster?.targets.join(', ')],
    ['Accounts', status.accounts && countText(status.accounts)],
    ['Apps', status.apps && countText(status.apps)],
  ]);
  const driftColumns: readonly Column<Status['drift'][number]>[] = [
    { header: 'NAME', value: ({ name }) => name, whole: true },
    { header: 'SINCE', value: ({ since }) => ageOf(since, now()) },
    { header: 'MESSAGE', wraps: true, value: ({ message }) => message },
  ];
  const more = (rows: readonly unknown[]): string =>
    rows.length > shownRows ? `  and ${rows.length - shownRows} more: kon status -o yaml\n` : '';
  const isFine =
    notReady.length + drift.length + unreadable.length === 0 && status.operator?.running && status.cluster;
  return [
    fields,
    renderSection('Not ready', notReadyColumns, notReady.slice(0, shownRows), stdout),
    more(notReady),
    renderSection('Drift', driftColumns, drift.slice(0, shownRows), stdout),
    more(drift),
    unreadable.length > 0 ? `\n‼ you are not permitted to read: ${unreadable.join(', ')}\n` : '',
    isFine ? `\n${paint('green', '√', color)} everything is ready, and nothing has drifted\n` : '',
    nextText(status, color),
  ].join('');
}

const notReadyColumns: readonly Column<NotReady>[] = [
  { header: 'NAME', value: ({ noun, name }) => `${noun} ${name}`, whole: true },
  { header: 'REASON', value: ({ reason }) => reason, style: () => 'red' },
  { header: 'MESSAGE', wraps: true, value: ({ message, problems }) => problems[0] ?? message },
];

function clusterText({ cluster, unreadable }: Status): string {
  if (!cluster) return unreadable.includes('ClusterConfigs') ? 'unknown' : 'none: there is no ClusterConfig';
  const place = [cluster.region, cluster.accountId && `AWS account ${cluster.accountId}`]
    .filter(Boolean)
    .join(', ');
  return `${cluster.name}${place === '' ? '' : ` (${place})`}, ${cluster.ready ? 'ready' : 'not ready'}`;
}

function operatorText({ operator }: Status): string {
  if (!operator) return 'unknown';
  const { running, holder, lease, renewedMs } = operator;
  if (running) return `running (${holder}, Lease ${lease})`;
  if (lease === undefined) return 'not running: no operator has led on this cluster';
  return `not running: the Lease ${lease} was ${holder === undefined ? 'released' : 'renewed'}${renewedMs === undefined ? '' : ` ${formatAge(renewedMs)} ago`}`;
}

const countText = ({ total, ready }: { readonly total: number; readonly ready: number }): string =>
  total === 0 ? 'none' : `${ready} of ${total} ready`;

function nextText({ notReady: [first], operator, cluster, unreadable }: Status, color: boolean): string {
  const steps = [
    ...(operator && !operator.running
      ? ['Start the operator: kon install; or run it on this machine: kon operator']
      : []),
    ...(cluster || unreadable.length > 0 ? [] : ['Configure the cluster: kon install']),
    ...(first
      ? [
          first.noun === 'cluster config'
            ? 'Find the problem: kon doctor'
            : `Show the first problem: kon ${first.noun} show ${printable(first.name)}`,
          ...(explanationsOf(first.reason).length > 0
            ? [`Explain the first problem: kon explain ${first.reason}`]
            : []),
        ]
      : []),
  ];
  const [step, ...rest] = steps;
  if (step === undefined) return '';
  return `\n${paint('bold', 'Next:', color)} ${step}\n${rest.map((each) => `      ${each}\n`).join('')}`;
}
