/** Pods with their AWS identities. */
import { useMemo, type ReactNode } from 'react';
import type { PodRow } from '../../../src/cli/console/wire.ts';
import { useKon } from '../about.ts';
import { age, Badge, Command, Empty, Link, useNow, type Tone } from '../parts/basics.tsx';
import { AccountLink } from '../parts/account-link.tsx';
import { Filter, matches, useFilter } from '../parts/filter.tsx';
import { Grid, type GridColumn } from '../parts/grid.tsx';
import { PodMark } from '../parts/quarantined-pods.tsx';
import { SourceProblems } from '../parts/source-problems.tsx';
import { podHref } from '../router.ts';
import { podKey, podSources, stateOfPods, useCluster } from '../store.ts';

export const toneByIdentity: Readonly<Record<PodRow['identity'], Tone>> = {
  current: 'good',
  stale: 'wait',
  uninjected: 'bad',
  exempt: 'unknown',
  unexpected: 'bad',
  'none wanted': 'unknown',
  unknown: 'unknown',
};

const order: Readonly<Record<PodRow['identity'], number>> = {
  uninjected: 0,
  unexpected: 1,
  stale: 2,
  current: 3,
  exempt: 4,
  'none wanted': 5,
  unknown: 6,
};

export function Pods(): ReactNode {
  const { pods, status } = useCluster();
  const filter = useFilter();
  const kon = useKon();
  const now = useNow();
  const rows = useMemo(
    () =>
      pods
        .filter((row) =>
          matches(
            filter,
            row.namespace,
            row.name,
            row.account,
            row.app,
            row.identity,
            row.mechanism,
            row.state,
            row.quarantine && 'quarantined',
          ),
        )
        .sort((one, other) => order[one.identity] - order[other.identity]),
    [pods, filter],
  );
  const counts = useMemo(() => {
    const count = (identity: PodRow['identity']): number =>
      pods.filter((row) => row.identity === identity).length;
    return { stale: count('stale'), uninjected: count('uninjected') };
  }, [pods]);
  const columns = useMemo(() => columnsAt(now), [now]);
  return (
    <>
      <h1>What may this pod do in AWS?</h1>
      <p className="muted">
        {stateOfPods(status) === 'loading'
          ? 'Reading pods …'
          : stateOfPods(status) === 'live' &&
            `${pods.length} pods in the targets: ${counts.stale} stale, ${counts.uninjected} uninjected.`}
      </p>
      <SourceProblems of={podSources} />
      <Filter label="Filter pods" shown={rows.length} all={pods.length} />
      {stateOfPods(status) === 'live' && pods.length === 0 ? (
        <Empty>
          No pod runs in a target. Create an app: <code>{kon} app create NAME</code>
        </Empty>
      ) : (
        <Grid
          label="Pods and their AWS identity"
          columns={columns}
          rows={rows}
          rowKey={podKey}
          href={({ namespace, name }) => podHref(namespace, name)}
        />
      )}
      <Command text={`${kon} app pods NAME`} />
    </>
  );
}

const columnsAt = (now: number): readonly GridColumn<PodRow>[] => [
  { header: 'Target', width: 'minmax(6rem, 1fr)', cell: ({ namespace }) => namespace },
  {
    header: 'Pod',
    width: 'minmax(12rem, 3fr)',
    cell: ({ namespace, name, quarantine }) => (
      <>
        <Link href={podHref(namespace, name)}>{name}</Link> <PodMark row={quarantine} />
      </>
    ),
  },
  {
    header: 'Identity',
    width: '9rem',
    cell: ({ identity }) => <Badge tone={toneByIdentity[identity]}>{identity}</Badge>,
  },
  { header: 'Mechanism', width: '8rem', cell: ({ mechanism }) => <Mechanism name={mechanism} /> },
  {
    header: 'Account',
    width: 'minmax(7rem, 2fr)',
    cell: ({ account }) => (account === undefined ? '' : <AccountLink name={account} />),
  },
  { header: 'State', width: '8rem', cell: ({ state }) => state },
  { header: 'Age', width: '4rem', cell: ({ created }) => age(created, now) },
];

/**
 * Shows how the pod gets its identity. The node's role is marked as a problem, because all pods on the node share that
 * role.
 */
export function Mechanism({ name }: { readonly name: PodRow['mechanism'] }): ReactNode {
  return name === 'node role' || name === 'own credentials' ? <span className="red">{name}</span> : name;
}
