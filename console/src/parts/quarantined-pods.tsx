/** Pods that a Quarantine names. A pod is shown in red until its sessions are denied. */
import type { ReactNode } from 'react';
import type { AccountRow, PodRow } from '../../../src/cli/console/wire.ts';
import { podHref } from '../router.ts';
import { age, Badge, Command, Link, useNow } from './basics.tsx';

type Row = NonNullable<PodRow['quarantine']>;

function Denied({ row: { denied } }: { readonly row: Row }): ReactNode {
  return <Badge tone={denied ? 'good' : 'bad'}>{denied ? 'denied' : 'not denied'}</Badge>;
}

function Reason({ row: { message, reason } }: { readonly row: Row }): ReactNode {
  return message === undefined ? null : `${message} (${reason})`;
}

/** Mark of a quarantined pod in a list. */
export function PodMark({ row }: { readonly row: PodRow['quarantine'] }): ReactNode {
  if (!row) return null;
  return (
    <Badge tone={row.denied ? 'good' : 'bad'}>{row.denied ? 'quarantined' : 'quarantined, not denied'}</Badge>
  );
}

/** Notice on the page of a quarantined pod. */
export function PodNotice({ row }: { readonly row: PodRow['quarantine'] }): ReactNode {
  const now = useNow();
  if (!row) return null;
  return (
    <section aria-label="Quarantine">
      <p className={row.denied ? undefined : 'red'}>
        The pod is in quarantine, and its sessions with the roles of the account are <Denied row={row} />
        {row.message === undefined ? '.' : ': '}
        <Reason row={row} />
      </p>
      <p className="muted">
        Requested by {row.requestedBy ?? 'an unknown user'} at {row.since} ({age(row.since, now)} ago)
      </p>
    </section>
  );
}

export function QuarantinedPods({
  row: { name, quarantinedPods: rows = [] },
  kon,
}: {
  readonly row: AccountRow;
  readonly kon: string;
}): ReactNode {
  const now = useNow();
  const [first] = rows;
  if (!first) return null;
  return (
    <>
      <table aria-label="Pods in quarantine">
        <thead>
          <tr>
            <th scope="col">Pod</th>
            <th scope="col">Sessions</th>
            <th scope="col">Since</th>
            <th scope="col">By</th>
            <th scope="col">Reason</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.uid}>
              <th scope="row">
                {row.namespace !== undefined && row.name !== undefined && (
                  <Link href={podHref(row.namespace, row.name)}>{`${row.namespace}/${row.name}`}</Link>
                )}{' '}
                <code className="breakable">{row.uid}</code>
              </th>
              <td>
                <Denied row={row} />
              </td>
              <td>
                <time dateTime={row.since} title={row.since}>
                  {age(row.since, now)} ago
                </time>
              </td>
              <td>{row.requestedBy ?? 'an unknown user'}</td>
              <td className="breakable">
                <Reason row={row} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Command text={`${kon} account release ${name} --pod ${rows.length === 1 ? first.uid : 'UID'}`} />
    </>
  );
}
