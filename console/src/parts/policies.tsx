/** Shows the policies of an account, and the statements of each policy. */
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import type { AccountPolicies, PolicyDocument } from '../../../src/cli/console/wire.ts';
import { request } from '../api.ts';
import { Badge, Empty, QueryProblem } from './basics.tsx';

export function Policies({ account }: { readonly account: string }): ReactNode {
  const { data, error } = useQuery({
    queryKey: ['account', account],
    queryFn: ({ signal }) =>
      request<AccountPolicies>(`accounts/${encodeURIComponent(account)}/policies`, { signal }),
  });
  if (error) return <QueryProblem error={error} title="The policies cannot be read" />;
  if (!data) return null;
  return (
    <section>
      <h2>Policies</h2>
      {data.items.length + data.statements.length === 0 && (
        <Empty>The account lists no policy and no statement, so its pods may do nothing.</Empty>
      )}
      <ul className="policies">
        {data.items.map(({ arn, attached, message, reason }) => (
          <Policy key={arn} arn={arn}>
            <Badge tone={attached ? 'good' : 'bad'}>{attached ? 'attached' : 'not attached'}</Badge>{' '}
            {message !== undefined && (
              <span>
                {message} ({reason})
              </span>
            )}
          </Policy>
        ))}
        {data.statements.map((statement) => (
          <li key={JSON.stringify(statement)}>
            <details>
              <summary>
                <code className="breakable">{statement.sid ?? statement.actions.join(', ')}</code> own
                statement <Applied status={data.statementsStatus} />
              </summary>
              <pre tabIndex={0}>{JSON.stringify(statement, undefined, 2)}</pre>
            </details>
          </li>
        ))}
        {data.boundary !== undefined && (
          <Policy arn={data.boundary}>
            <span className="muted">permissions boundary</span>
          </Policy>
        )}
      </ul>
    </section>
  );
}

function Applied({ status }: { readonly status: AccountPolicies['statementsStatus'] }): ReactNode {
  if (!status) return <Badge tone="unknown">not processed yet</Badge>;
  return (
    <>
      <Badge tone={status.applied ? 'good' : 'bad'}>{status.applied ? 'applied' : 'not applied'}</Badge>{' '}
      {status.message !== undefined && (
        <span>
          {status.message} ({status.reason})
        </span>
      )}
    </>
  );
}

function Policy({ arn, children }: { readonly arn: string; readonly children: ReactNode }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  return (
    <li>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <code className="breakable">{arn}</code> {children}
        </summary>
        {isOpen && <Statements arn={arn} />}
      </details>
    </li>
  );
}

function Statements({ arn }: { readonly arn: string }): ReactNode {
  const { data, error } = useQuery({
    queryKey: ['policy', arn],
    queryFn: ({ signal }) => request<PolicyDocument>(`policy?arn=${encodeURIComponent(arn)}`, { signal }),
    staleTime: 60_000,
  });
  if (error) return <QueryProblem error={error} title="The statements cannot be read" />;
  if (!data) return <p className="muted">Reading the statements …</p>;
  return (
    <>
      <p className="muted">
        {data.source === 'IAM'
          ? 'Source: IAM.'
          : 'Source: the list of AWS managed policies in kon. AWS may have changed the policy since.'}
      </p>
      <pre tabIndex={0}>{data.document}</pre>
    </>
  );
}
