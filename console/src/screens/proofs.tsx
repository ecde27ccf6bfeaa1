/** Screen of proofs: for each account and target, the last exchange of a pod's token for credentials of the role. */
import { useMemo, type ReactNode } from 'react';
import type { TargetRow } from '../../../src/cli/console/wire.ts';
import { useKon } from '../about.ts';
import { age, Badge, Command, Empty, useNow } from '../parts/basics.tsx';
import { AccountLink } from '../parts/account-link.tsx';
import { Filter, matches, useFilter } from '../parts/filter.tsx';
import { Grid, type GridColumn } from '../parts/grid.tsx';
import { SourceProblems } from '../parts/source-problems.tsx';
import { accountHref } from '../router.ts';
import { useCluster } from '../store.ts';
import { toneByProof } from './account-map.tsx';

type Row = TargetRow & { readonly account: string };

const order: Readonly<Record<TargetRow['proof'], number>> = { failed: 0, unknown: 1, awaiting: 2, proven: 3 };

export function Proofs(): ReactNode {
  const { accounts, status } = useCluster();
  const filter = useFilter();
  const kon = useKon();
  const now = useNow();
  const all = useMemo(
    () =>
      accounts.flatMap(({ name, targets }) => targets.map((target): Row => ({ ...target, account: name }))),
    [accounts],
  );
  const rows = useMemo(
    () =>
      all
        .filter((row) => matches(filter, row.account, row.name, row.proof, row.mode, row.message))
        .sort((one, other) => order[one.proof] - order[other.proof]),
    [all, filter],
  );
  const proven = useMemo(() => all.filter(({ proof }) => proof === 'proven').length, [all]);
  const columns = useMemo(() => columnsAt(now), [now]);
  return (
    <>
      <h1>Is that proven?</h1>
      <p className="muted">
        {status.accounts.state === 'loading'
          ? 'Reading accounts …'
          : (status.accounts.state === 'live' || all.length > 0) &&
            `${proven} of ${all.length} links are proven: a token of the ServiceAccount was exchanged for credentials of the role.`}
      </p>
      <SourceProblems of={['accounts']} />
      <Filter label="Filter proofs" shown={rows.length} all={all.length} />
      {status.accounts.state === 'live' && all.length === 0 ? (
        <Empty>No account is linked in a target.</Empty>
      ) : (
        <Grid
          label="Proofs by account and target"
          columns={columns}
          rows={rows}
          rowKey={({ account, name }) => `${account}/${name}`}
          href={({ account }) => accountHref(account)}
        />
      )}
      <Command text={`${kon} account verify NAME`} />
    </>
  );
}

const columnsAt = (now: number): readonly GridColumn<Row>[] => [
  {
    header: 'Account',
    width: 'minmax(8rem, 2fr)',
    cell: ({ account }) => <AccountLink name={account} />,
  },
  { header: 'Target', width: 'minmax(6rem, 1fr)', cell: ({ name }) => name },
  { header: 'Proof', width: '8rem', cell: ({ proof }) => <Badge tone={toneByProof[proof]}>{proof}</Badge> },
  {
    header: 'Last exchange',
    width: '8rem',
    cell: ({ provenAt }) => (provenAt ? `${age(provenAt, now)} ago` : 'never'),
  },
  { header: 'Mode', width: '7rem', cell: ({ mode }) => mode },
  {
    header: 'Words of STS',
    width: 'minmax(12rem, 4fr)',
    cell: ({ message, reason }) => (message === undefined ? '' : `${message} (${reason})`),
  },
];
