/** Timeline of the changes to one account or to all accounts. */
import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useMemo, type ReactNode } from 'react';
import type { Change, Changes as Answer } from '../../../src/cli/console/wire.ts';
import { useKon } from '../about.ts';
import { request } from '../api.ts';
import { age, Badge, Command, Empty, QueryProblem, useNow } from '../parts/basics.tsx';
import { Filter, matches, useFilter } from '../parts/filter.tsx';
import { Grid, type GridColumn } from '../parts/grid.tsx';
import { AccountLink } from '../parts/account-link.tsx';
import { SourceProblems } from '../parts/source-problems.tsx';
import { accountHref } from '../router.ts';
import { useCluster } from '../store.ts';

export function Changes(): ReactNode {
  const kon = useKon();
  return (
    <>
      <h1>What changed?</h1>
      <p className="muted">
        Newest first. Kubernetes keeps Events for an hour by default, and only the last transition of a
        condition.
      </p>
      <SourceProblems of={['events', 'accounts']} />
      <ChangesOfAll />
      <Command text={`${kon} account history NAME`} />
    </>
  );
}

function useChanges(account: string | undefined): UseQueryResult<Answer> {
  return useQuery({
    queryKey: ['changes', account],
    queryFn: ({ signal }) =>
      request<Answer>(`changes${account === undefined ? '' : `?account=${encodeURIComponent(account)}`}`, {
        signal,
      }),
  });
}

type Row = Change & { readonly key: string };

function ChangesOfAll(): ReactNode {
  const now = useNow();
  const filter = useFilter();
  const { data, error } = useChanges(undefined);
  const { status } = useCluster();
  const all = useMemo(
    () => (data?.items ?? []).map((change, index): Row => ({ ...change, key: `${change.account} ${index}` })),
    [data],
  );
  const rows = useMemo(
    () => all.filter((row) => matches(filter, row.account, row.kind, row.reason, row.message)),
    [all, filter],
  );
  const columns = useMemo(() => columnsAt(now), [now]);
  if (error) return <QueryProblem error={error} title="The history cannot be read" />;
  if (!data) return <p className="muted">Reading the history …</p>;
  return (
    <>
      <Filter label="Filter changes" shown={rows.length} all={all.length} />
      {data.total > all.length && (
        <p className="muted">
          {filter === '' ? 'The list has' : 'The filter searches'} only the newest {all.length} of{' '}
          {data.total} changes. The page of an account shows all of its own.
        </p>
      )}
      {all.length === 0 ? (
        status.events.state === 'live' && <Empty>Nothing changed.</Empty>
      ) : (
        <Grid
          label="Changes of all accounts, newest first"
          columns={columns}
          rows={rows}
          rowKey={({ key }) => key}
          href={({ account }) => accountHref(account)}
        />
      )}
    </>
  );
}

const columnsAt = (now: number): readonly GridColumn<Row>[] => [
  { header: 'Age', width: '4rem', cell: (change) => <Time change={change} now={now} /> },
  { header: 'Account', width: 'minmax(8rem, 1fr)', cell: ({ account }) => <AccountLink name={account} /> },
  { header: 'What', width: 'minmax(13rem, 1fr)', cell: (change) => <What change={change} /> },
  {
    header: 'Message',
    width: 'minmax(14rem, 4fr)',
    cell: ({ message }) => <span title={message}>{message}</span>,
  },
];

/** All changes to one account, with their full messages. */
export function Timeline({ account }: { readonly account: string }): ReactNode {
  const now = useNow();
  const { data, error } = useChanges(account);
  const { status } = useCluster();
  if (error) return <QueryProblem error={error} title="The history cannot be read" />;
  if (!data) return <p className="muted">Reading the history …</p>;
  if (data.items.length === 0 && status.events.state === 'live') return <Empty>Nothing changed.</Empty>;
  return (
    <>
      <SourceProblems of={['events']} />
      <table className="timeline">
        <thead>
          <tr>
            <th scope="col">Age</th>
            <th scope="col">What</th>
            <th scope="col">Message</th>
          </tr>
        </thead>
        <tbody>
          {data.items.map((change, index) => (
            <tr key={`${change.time} ${change.reason} ${index}`}>
              <td>
                <Time change={change} now={now} />
              </td>
              <td>
                <What change={change} />
              </td>
              <td className="breakable">{change.message}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Time({ change: { time }, now }: { readonly change: Change; readonly now: number }): ReactNode {
  return (
    <time dateTime={time} title={time}>
      {age(time, now)}
    </time>
  );
}

function What({ change: { reason, warning, count } }: { readonly change: Change }): ReactNode {
  return (
    <>
      {warning ? <Badge tone="bad">{reason}</Badge> : reason}
      {count === undefined ? '' : <span title={`${count} times`}> ×{count}</span>}
    </>
  );
}
