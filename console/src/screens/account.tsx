/**
 * Screen of one account: the chain of links from its role to its pods, the first failed link, and the effect of a
 * deletion.
 */
import { useMutation, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { type AccountRow, type ChainLink, type Impact } from '../../../src/cli/console/wire.ts';
import { lastUsedText } from '../../../src/cli/objects/last-used.ts';
import { useKon } from '../about.ts';
import { request } from '../api.ts';
import { Badge, Command, Empty, Link, QueryProblem, toneOf, useNow } from '../parts/basics.tsx';
import { Policies } from '../parts/policies.tsx';
import { Quarantine } from '../parts/quarantine.tsx';
import { Proof } from '../parts/proof.tsx';
import { SourceProblems } from '../parts/source-problems.tsx';
import { podHref } from '../router.ts';
import { useCluster } from '../store.ts';
import { Timeline } from './changes.tsx';

const linkNames: readonly (readonly [ChainLink, string])[] = [
  ['role', 'Role'],
  ['policies', 'Policies'],
  ['targets', 'Targets'],
  ['proof', 'Proof'],
  ['workloads', 'Workloads'],
];

export function Account({ name }: { readonly name: string }): ReactNode {
  const { accounts, status } = useCluster();
  const kon = useKon();
  const now = useNow();
  const row = accounts.find((each) => each.name === name);
  if (!row)
    return (
      <>
        <h1>Account {name}</h1>
        <SourceProblems of={['accounts']} />
        <Empty>
          {status.accounts.state === 'loading' && 'Reading accounts …'}
          {status.accounts.state === 'live' && 'No account has this name.'} <Link href="/">All accounts</Link>
        </Empty>
      </>
    );
  return (
    <>
      <h1>Account {name}</h1>
      <p>
        <Badge tone={toneOf(row.ready)}>{row.deleting ? 'Deleting' : `Ready: ${row.ready}`}</Badge>{' '}
        {row.blocker ? row.reason : `${row.message} (${row.reason})`}
      </p>
      <p className="muted">Last used: {lastUsedText(row.lastUsed, now) ?? 'unknown'}</p>
      <ol className="chain" aria-label="From the account to its pods">
        {linkNames.map(([link, title]) => (
          <li key={link} className={row.blocker?.link === link ? 'blocked' : undefined}>
            <h2>{title}</h2>
            <Badge tone={toneOf(row.links[link])}>{row.links[link]}</Badge>
          </li>
        ))}
      </ol>
      <Blocked row={row} kon={kon} />
      <Quarantine row={row} kon={kon} />
      <Targets row={row} />
      <Verify name={name} kon={kon} />
      <Policies account={name} />
      <Touches row={row} kon={kon} />
      <section>
        <h2>What changed?</h2>
        <Timeline account={name} />
      </section>
      <Command text={`${kon} account show ${name}`} />
    </>
  );
}

function Blocked({ row: { blocker }, kon }: { readonly row: AccountRow; readonly kon: string }): ReactNode {
  if (!blocker) return null;
  return (
    <section className="problem" role="alert">
      <h2>In the way</h2>
      <p>
        {blocker.about === undefined ? '' : `${blocker.about}: `}
        {blocker.message} ({blocker.reason})
      </p>
      <ul>
        {blocker.next.map((step) => (
          <li key={step}>{step.replace(/\bkon (?=[a-z])/g, `${kon} `)}</li>
        ))}
      </ul>
    </section>
  );
}

function Targets({ row }: { readonly row: AccountRow }): ReactNode {
  return (
    <section>
      <h2>Targets</h2>
      {row.targets.length === 0 ? (
        <Empty>The account is linked in no target.</Empty>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Target</th>
              <th scope="col">Linked</th>
              <th scope="col">Mode</th>
              <th scope="col">Proven</th>
              <th scope="col">Pods</th>
            </tr>
          </thead>
          <tbody>
            {row.targets.map((target) => (
              <tr key={target.name}>
                <th scope="row">
                  <Link href={`/pods?q=${encodeURIComponent(`${target.name} ${row.name}`)}`}>
                    {target.name}
                  </Link>
                </th>
                <td>
                  <Badge tone={target.linked ? 'good' : 'bad'}>
                    {target.linked ? 'linked' : 'not linked'}
                  </Badge>
                </td>
                <td>{target.mode}</td>
                <td>
                  <Proof target={target} />
                </td>
                <td>
                  {target.pods === undefined
                    ? ''
                    : `${target.pods.current} current, ${target.pods.stale} stale, ${target.pods.uninjected} uninjected`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

type Verification = {
  readonly targets: readonly {
    readonly target: string;
    readonly proven: boolean;
    readonly reason?: string;
    readonly message?: string;
  }[];
};

function Verify({ name, kon }: { readonly name: string; readonly kon: string }): ReactNode {
  const verification = useMutation({
    mutationFn: () =>
      request<Verification>(`accounts/${encodeURIComponent(name)}/verify`, { method: 'POST' }),
  });
  return (
    <section>
      <p>
        <button type="button" disabled={verification.isPending} onClick={() => verification.mutate()}>
          {verification.isPending ? 'Verifying …' : 'Verify now'}
        </button>{' '}
        <span className="muted">exchanges a token of each target with STS, with your own rights</span>
      </p>
      {verification.error && <QueryProblem error={verification.error} title="It cannot be verified" />}
      {verification.data && (
        <ul role="status" aria-label="Result of the verification">
          {verification.data.targets.map(({ target, proven, reason, message }) => (
            <li key={target}>
              {target}: <Badge tone={proven ? 'good' : 'bad'}>{proven ? 'proven' : 'not proven'}</Badge>
              {message === undefined ? '' : ` ${message} (${reason})`}
            </li>
          ))}
        </ul>
      )}
      <Command text={`${kon} account verify ${name}`} />
    </section>
  );
}

const unknownPods = 'The pods cannot be read, so it is unknown which pods are affected.';

function Touches({ row, kon }: { readonly row: AccountRow; readonly kon: string }): ReactNode {
  const { data, error } = useQuery({
    queryKey: ['impact', row.name],
    queryFn: ({ signal }) => request<Impact>(`accounts/${encodeURIComponent(row.name)}/impact`, { signal }),
  });
  if (error) return <QueryProblem error={error} title="The effect of changes cannot be computed" />;
  if (!data) return null;
  const pods = data.targets?.reduce((sum, target) => sum + target.pods.length, 0);
  return (
    <section>
      <h2>What breaks if …</h2>
      <dl>
        <dt>… the account is deleted?</dt>
        <dd>
          <ul>
            {data.deletion.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </dd>
        <dt>… its policies change?</dt>
        <dd>
          Nothing restarts.{' '}
          {pods === undefined
            ? unknownPods
            : pods === 0
              ? 'No pod is affected.'
              : `${pods} ${pods === 1 ? 'pod has' : 'pods have'} the new permissions within seconds.`}
        </dd>
        <dt>… its role is taken away?</dt>
        <dd>
          {pods === undefined
            ? unknownPods
            : pods === 0
              ? 'No running pod loses access.'
              : 'These pods lose access to AWS:'}
          <ul>
            {data.targets
              ?.filter((target) => target.pods.length > 0)
              .map((target) => (
                <li key={target.name}>
                  {target.name}:{' '}
                  {target.pods.slice(0, 20).map((pod) => (
                    <span key={pod}>
                      <Link href={podHref(target.name, pod)}>{pod}</Link>{' '}
                    </span>
                  ))}
                  {target.pods.length > 20 ? `and ${target.pods.length - 20} more` : ''}
                </li>
              ))}
          </ul>
        </dd>
      </dl>
      <Command text={`${kon} account plan ${row.name}`} />
    </section>
  );
}
