/** Accounts and their targets, problems first. */
import { useMemo, type ReactNode } from 'react';
import type { AccountRow, TargetRow } from '../../../src/cli/console/wire.ts';
import { lastUsedAge, lastUsedValue } from '../../../src/cli/objects/last-used.ts';
import { Badge, Command, Empty, toneOf, useNow, type Tone } from '../parts/basics.tsx';
import { AccountLink } from '../parts/account-link.tsx';
import { Filter, matches, useFilter } from '../parts/filter.tsx';
import { Grid, type GridColumn } from '../parts/grid.tsx';
import { SourceProblems } from '../parts/source-problems.tsx';
import { accountHref } from '../router.ts';
import { useCluster } from '../store.ts';
import { useKon } from '../about.ts';

const urgency = (row: AccountRow): number => (row.ready === 'False' ? 0 : row.ready === 'Unknown' ? 1 : 2);

const toneByProof: Readonly<Record<TargetRow['proof'], Tone>> = {
  proven: 'good',
  awaiting: 'wait',
  failed: 'bad',
  unknown: 'unknown',
};

/** Maximum number of targets that get their own column; more columns do not fit on a screen. */
const mostColumns = 12;

export function AccountMap(): ReactNode {
  const { accounts, targets, status } = useCluster();
  const filter = useFilter();
  const kon = useKon();
  const now = useNow();
  const rows = useMemo(
    () =>
      accounts
        .filter((row) => matches(filter, row.name, row.reason, row.blocker?.message, ...row.apps))
        .sort((one, other) => urgency(one) - urgency(other)),
    [accounts, filter],
  );
  const problems = useMemo(() => accounts.filter(({ ready }) => ready !== 'True').length, [accounts]);
  const columns = useMemo(() => columnsFor(targets.slice(0, mostColumns), now), [targets, now]);
  return (
    <>
      <h1>What is in the way?</h1>
      <p className="muted">
        {status.accounts.state === 'loading'
          ? 'Reading accounts …'
          : problems === 0
            ? status.accounts.state === 'live' && 'All accounts are ready.'
            : `${problems} of ${accounts.length} accounts ${problems === 1 ? 'is not ready. It comes' : 'are not ready. They come'} first.`}
      </p>
      <SourceProblems of={['accounts', 'targets']} />
      <Filter label="Filter accounts" shown={rows.length} all={accounts.length} />
      {status.accounts.state === 'live' && accounts.length === 0 ? (
        <Empty>
          There is no account. Create one: <code>{kon} account create NAME</code>
        </Empty>
      ) : (
        <Grid
          label="Accounts and their targets"
          columns={columns}
          rows={rows}
          rowKey={({ name }) => name}
          href={({ name }) => accountHref(name)}
        />
      )}
      {targets.length > mostColumns && (
        <p className="muted">{targets.length - mostColumns} more targets are on the page of each account.</p>
      )}
      <Command text={`${kon} account list`} />
    </>
  );
}

function columnsFor(targets: readonly string[], now: number): readonly GridColumn<AccountRow>[] {
  return [
    {
      header: 'Account',
      width: 'minmax(9rem, 2fr)',
      cell: ({ name }) => <AccountLink name={name} />,
    },
    {
      header: 'Ready',
      width: '7.5rem',
      cell: ({ ready, deleting }) => <Badge tone={toneOf(ready)}>{deleting ? 'Deleting' : ready}</Badge>,
    },
    ...targets.map((target): GridColumn<AccountRow> => ({
      header: target,
      width: targets.length > 4 ? 'minmax(3rem, 1fr)' : 'minmax(6rem, 1fr)',
      cell: (row) => (
        <TargetCell row={row.targets.find(({ name }) => name === target)} isShort={targets.length > 4} />
      ),
    })),
    {
      header: 'Last used',
      width: '6rem',
      cell: ({ lastUsed }) => <span title={lastUsedValue(lastUsed, now)}>{lastUsedAge(lastUsed, now)}</span>,
    },
    {
      header: 'In the way',
      width: 'minmax(12rem, 4fr)',
      cell: ({ blocker, reason }) =>
        blocker ? (
          <span title={blocker.message}>
            {blocker.about ? `${blocker.about}: ` : ''}
            {blocker.message}
          </span>
        ) : (
          <span className="muted">{reason}</span>
        ),
    },
  ];
}

export function TargetCell({
  row,
  isShort,
}: {
  readonly row: TargetRow | undefined;
  readonly isShort: boolean;
}): ReactNode {
  if (!row)
    return (
      <span className="muted" aria-label="not a target">
        –
      </span>
    );
  const notCurrent = (row.pods?.stale ?? 0) + (row.pods?.uninjected ?? 0);
  const words = notCurrent > 0 ? `${notCurrent} ${notCurrent === 1 ? 'pod' : 'pods'} not current` : row.proof;
  return (
    <Badge tone={notCurrent > 0 && row.proof === 'proven' ? 'bad' : toneByProof[row.proof]}>
      <span className={isShort ? 'visually-hidden' : undefined}>{words}</span>
    </Badge>
  );
}

export { toneByProof };
