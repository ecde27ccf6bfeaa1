/** Screen of one pod: its ServiceAccount, its role, and the permissions of the role. */
import type { ReactNode } from 'react';
import { useKon } from '../about.ts';
import { Badge, Breakable, Command, Empty, Link } from '../parts/basics.tsx';
import { Policies } from '../parts/policies.tsx';
import { Proof } from '../parts/proof.tsx';
import { PodNotice } from '../parts/quarantined-pods.tsx';
import { AccountLink } from '../parts/account-link.tsx';
import { SourceProblems } from '../parts/source-problems.tsx';
import { podSources, stateOfPods, useCluster } from '../store.ts';
import { Mechanism, toneByIdentity } from './pods.tsx';

export function Pod({ namespace, name }: { readonly namespace: string; readonly name: string }): ReactNode {
  const { pods, accounts, status } = useCluster();
  const kon = useKon();
  const pod = pods.find((row) => row.namespace === namespace && row.name === name);
  const account = accounts.find((row) => row.name === pod?.account);
  if (!pod)
    return (
      <>
        <h1>
          Pod {namespace}/{name}
        </h1>
        <SourceProblems of={podSources} />
        <Empty>
          {stateOfPods(status) === 'loading' && 'Reading pods …'}
          {stateOfPods(status) === 'live' &&
            'No pod with this name runs in a target. The pod may have been replaced:'}{' '}
          <Link href={`/pods?q=${encodeURIComponent(namespace)}`}>pods of {namespace}</Link>
        </Empty>
      </>
    );
  const target = account?.targets.find((row) => row.name === namespace);
  return (
    <>
      <h1>
        What may {namespace}/{name} do in AWS?
      </h1>
      <SourceProblems of={podSources} />
      <PodNotice row={pod.quarantine} />
      <ol className="chain" aria-label="From the pod to its permissions">
        <li>
          <h2>Pod</h2>
          <p>{name}</p>
          <Badge tone={toneByIdentity[pod.identity]}>{pod.identity}</Badge>
          {pod.identity !== 'current' && pod.holds !== undefined && <p>holds {pod.holds}</p>}
          <p className="muted">
            {pod.state}
            {pod.restarts > 0 ? `, ${pod.restarts} restarts` : ''}
          </p>
        </li>
        <li>
          <h2>ServiceAccount</h2>
          <p>
            <Breakable text={`${namespace}/${pod.serviceAccount}`} />
          </p>
          {pod.account === undefined ? (
            <Badge tone="unknown">{pod.identity === 'unknown' ? 'unknown' : 'no account'}</Badge>
          ) : (
            <Badge tone={target?.linked ? 'good' : 'bad'}>{target?.linked ? 'linked' : 'not linked'}</Badge>
          )}
        </li>
        <li>
          <h2>Mechanism</h2>
          <p>
            <Mechanism name={pod.mechanism} />
          </p>
          {pod.mechanism === 'node role' && (
            <p className="red">
              AWS SDKs in this pod use the role of the node, if they can reach the instance metadata.
            </p>
          )}
          {pod.mechanism === 'own credentials' && (
            <p className="red">The pod’s environment has credentials that SDKs prefer.</p>
          )}
        </li>
        <li>
          <h2>Role</h2>
          {target?.roleArn === undefined ? (
            <Badge tone="unknown">{pod.identity === 'unknown' ? 'unknown' : 'none'}</Badge>
          ) : (
            <>
              <p>
                <Breakable text={target.roleArn} />
              </p>
              <Proof target={target} />
            </>
          )}
        </li>
        <li>
          <h2>Permissions</h2>
          {account ? (
            <p>
              {account.policies} {account.policies === 1 ? 'policy' : 'policies'}
              {account.statements > 0 &&
                ` and ${account.statements} own ${account.statements === 1 ? 'statement' : 'statements'}`}{' '}
              of account <AccountLink name={account.name} />
            </p>
          ) : (
            <Badge tone="unknown">unknown</Badge>
          )}
        </li>
      </ol>
      {pod.account !== undefined && <Policies account={pod.account} />}
      {pod.app === undefined ? null : <Command text={`${kon} app pods ${pod.app} --target ${namespace}`} />}
      {pod.account === undefined ? null : <Command text={`${kon} account show ${pod.account}`} />}
    </>
  );
}
