/** Timeline of changes of one account or of all. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Change } from '../../../src/cli/console/wire.ts';
import { useKon } from '../about.ts';
import { request } from '../api.ts';
import { age, Badge, Command, Empty, QueryProblem, SourceProblem, useNow } from '../parts/basics.tsx';
import { Filter, matches, useFilter } from '../parts/filter.tsx';
import { AccountLink } from '../parts/account-link.tsx';
import { useCluster } from '../store.ts';

export function Changes(): ReactNode {
  const { status } = useCluster();
  const kon = useKon();
  return (
    <>
      <h1>What changed?</h1>
      <p className="muted">
        Newest first. Kubernetes keeps Events for an hour by default, and only the last transition of a
        condition.
      </p>
      <SourceProblem state={status.events} what="events" />
      <SourceProblem state={status.accounts} what="accounts" />
      <Timeline account={undefined} />
      <Command text={`${kon} account history NAME`} />
    </>
  );
}

export function Timeline({ account }: { readonly account: string | undefined }): ReactNode {
  const now = useNow();
  const filter = useFilter();
  const { data, error } = useQuery({
    queryKey: ['changes', account],
    queryFn: ({ signal }) =>
      request<{ readonly items: readonly Change[] }>(
        `changes${account === undefined ? '' : `?account=${encodeURIComponent(account)}`}`,
        { signal },
      ),
  });
  if (error) return <QueryProblem error={error} title="The history cannot be read" />;
  if (!data) return <p className="muted">Reading the history …</p>;
  const items =
    account === undefined
      ? data.items.filter((item) => matches(filter, item.account, item.kind, item.reason, item.message))
      : data.items;
  return (
    <>
      {account === undefined && (
        <Filter label="Filter changes" shown={items.length} all={data.items.length} />
      )}
      {items.length === 0 ? (
        <Empty>Nothing changed.</Empty>
      ) : (
        <table className="timeline">
          <thead>
            <tr>
              <th scope="col">Age</th>
              {account === undefined && <th scope="col">Account</th>}
              <th scope="col">What</th>
              <th scope="col">Message</th>
            </tr>
          </thead>
          <tbody>
            {items.map((item, index) => (
              <tr key={`${item.account} ${item.time} ${item.reason} ${index}`}>
                <td>
                  <time dateTime={item.time} title={item.time}>
                    {age(item.time, now)}
                  </time>
                </td>
                {account === undefined && (
                  <td>
                    <AccountLink name={item.account} />
                  </td>
                )}
                <td>
                  {item.warning ? <Badge tone="bad">{item.reason}</Badge> : item.reason}
                  {item.count === undefined ? '' : ` (${item.count} times)`}
                </td>
                <td className="breakable">{item.message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
