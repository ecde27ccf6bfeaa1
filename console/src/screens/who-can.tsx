/** Decision about an action: asks for one account at a time. */
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useKon } from '../about.ts';
import { request } from '../api.ts';
import { Badge, Command, Link, QueryProblem } from '../parts/basics.tsx';
import { accountHref, go, usePlace } from '../router.ts';
import { useCluster } from '../store.ts';

type Decision = {
  readonly account: string;
  readonly decision: 'allowed' | 'explicitDeny' | 'implicitDeny';
  readonly by: readonly { readonly policy: string; readonly statements: readonly string[] }[];
};

export function WhoCan(): ReactNode {
  const { query } = usePlace();
  const { accounts } = useCluster();
  const kon = useKon();
  const action = query.get('action') ?? '';
  const resource = query.get('resource') ?? '';
  const account = query.get('account') ?? '';
  const [draft, setDraft] = useState({ action, resource, account });
  const { data: actions } = useQuery({
    queryKey: ['actions', draft.action],
    queryFn: ({ signal }) =>
      request<{ readonly items: readonly string[] }>(`actions?prefix=${encodeURIComponent(draft.action)}`, {
        signal,
      }),
    enabled: draft.action.length > 1,
  });
  return (
    <>
      <h1>Who can do this?</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          go(`/who-can?${new URLSearchParams(draft).toString()}`);
        }}
      >
        <label>
          Account
          <select
            required
            value={draft.account}
            onChange={(event) => setDraft({ ...draft, account: event.target.value })}
          >
            <option value="">choose</option>
            {accounts.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Action
          <input
            required
            list="actions"
            placeholder="s3:GetObject"
            value={draft.action}
            onChange={(event) => setDraft({ ...draft, action: event.target.value })}
          />
        </label>
        <datalist id="actions">
          {actions?.items.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <label>
          Resource
          <input
            placeholder="arn:aws:s3:::bucket/key (any)"
            value={draft.resource}
            onChange={(event) => setDraft({ ...draft, resource: event.target.value })}
          />
        </label>
        <button type="submit">Ask IAM</button>
      </form>
      {account !== '' && action !== '' && <Answer account={account} action={action} resource={resource} />}
      <Command
        text={`${kon} account can-i ${account || 'NAME'} ${action || 'ACTION'} ${resource || ''}`.trim()}
      />
    </>
  );
}

function Answer(question: {
  readonly account: string;
  readonly action: string;
  readonly resource: string;
}): ReactNode {
  const { account, action, resource } = question;
  const { data, error } = useQuery({
    queryKey: ['can-i', account, action, resource],
    queryFn: ({ signal }) =>
      request<Decision>(
        `accounts/${encodeURIComponent(account)}/can-i?${new URLSearchParams({ action, resource }).toString()}`,
        { signal },
      ),
  });
  if (error) return <QueryProblem error={error} title="It cannot be determined" />;
  if (!data) return <p className="muted">Asking IAM …</p>;
  return (
    <section aria-label="Answer">
      <p>
        <Badge tone={data.decision === 'allowed' ? 'good' : 'bad'}>
          {data.decision === 'allowed' ? 'yes' : 'no'}
        </Badge>{' '}
        <Link href={accountHref(account)}>{account}</Link> {data.decision === 'allowed' ? 'may' : 'may not'}{' '}
        call {action}
      </p>
      {data.by.map(({ policy, statements }) => (
        <details key={policy} open>
          <summary>
            Decided by <code>{policy}</code>
          </summary>
          {statements.map((statement) => (
            <pre key={statement} tabIndex={0}>
              {statement}
            </pre>
          ))}
        </details>
      ))}
    </section>
  );
}
