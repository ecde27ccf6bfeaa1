/** Accounts and pods that are allowed to perform an action on a resource, with the deciding statement. */
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState, type ReactNode } from 'react';
import type { PodRow, WhoCanAnswer, WhoCanRow } from '../../../src/cli/console/wire.ts';
import { useKon } from '../about.ts';
import { request } from '../api.ts';
import { Badge, Command, Empty, Link, Problem, QueryProblem, type Tone } from '../parts/basics.tsx';
import { AccountLink } from '../parts/account-link.tsx';
import { PodMark } from '../parts/quarantined-pods.tsx';
import { SourceProblems } from '../parts/source-problems.tsx';
import { useSlash } from '../parts/filter.tsx';
import { go, podHref, usePlace } from '../router.ts';
import { podKey, podSources, stateOfPods, useCluster } from '../store.ts';

const toneByDecision: Readonly<Record<WhoCanRow['decision'], Tone>> = {
  allowed: 'good',
  depends: 'wait',
  unknown: 'wait',
  denied: 'bad',
};

/** Values of the form's fields. A field that the user left blank is an empty string. */
type Question = { readonly action: string; readonly resource: string; readonly without: string };

/** Maximum number of pods of an account that are listed by name. */
const mostPods = 12;

export function WhoCan(): ReactNode {
  const { query } = usePlace();
  const kon = useKon();
  const asked = {
    action: query.get('action') ?? '',
    resource: query.get('resource') ?? '',
    without: query.get('without') ?? '',
  };
  const [draft, setDraft] = useState<Question>(asked);
  const action = useSlash();
  const { data: actions } = useQuery({
    queryKey: ['actions', draft.action],
    queryFn: ({ signal }) =>
      request<{ readonly items: readonly string[] }>(`actions?prefix=${encodeURIComponent(draft.action)}`, {
        signal,
      }),
    enabled: draft.action.length > 1,
  });
  const set = (name: keyof Question) => (event: { readonly target: { readonly value: string } }) =>
    setDraft({ ...draft, [name]: event.target.value });
  return (
    <>
      <h1>Who can do this?</h1>
      <SourceProblems of={podSources} />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const given = Object.entries(draft).filter(([, value]) => value !== '');
          go(`/who-can?${new URLSearchParams(given).toString()}`);
        }}
      >
        <label>
          Action
          <input
            ref={action}
            required
            list="actions"
            placeholder="s3:GetObject ( / )"
            value={draft.action}
            onChange={set('action')}
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
            onChange={set('resource')}
          />
        </label>
        <label>
          Without this policy
          <input placeholder="ARN or name (none)" value={draft.without} onChange={set('without')} />
        </label>
        <button type="submit">Ask</button>
      </form>
      {asked.action === '' ? (
        <Empty>Type an action to see which pods may call it.</Empty>
      ) : (
        <Result key={Object.values(asked).join(' ')} {...asked} />
      )}
      <Command text={commandOf(kon, asked)} />
    </>
  );
}

/** Returns the `kon who-can` command for the question. A resource that contains shell metacharacters is quoted. */
function commandOf(kon: string, { action, resource, without }: Question): string {
  const quoted = (text: string): string =>
    /^[\w./:@=,+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
  return [
    `${kon} who-can`,
    action === '' ? 'ACTION' : quoted(action),
    action === '' && resource === '' ? 'RESOURCE' : quoted(resource === '' ? '*' : resource),
    ...(without === '' ? [] : ['--without', quoted(without)]),
  ].join(' ');
}

function Result(question: Question): ReactNode {
  const { pods, status } = useCluster();
  const areComplete = stateOfPods(status) === 'live';
  const given = Object.entries(question).filter(([, value]) => value !== '');
  const search = new URLSearchParams(given).toString();
  const { data, error } = useQuery({
    queryKey: ['who-can', search],
    queryFn: ({ signal }) => request<WhoCanAnswer>(`who-can?${search}`, { signal }),
  });
  const podsByAccount = useMemo(() => Map.groupBy(pods, ({ account }) => account), [pods]);
  if (error) return <QueryProblem error={error} title="It cannot be determined" />;
  if (!data) return <p className="muted">Reading the policies …</p>;
  const rows = data.rows.filter(({ decision }) => decision === 'allowed' || decision === 'depends');
  const all = rows.flatMap(({ account }) => podsByAccount.get(account) ?? []);
  const incomplete = data.rows.filter(({ decision }) => decision === 'unknown');
  return (
    <section aria-label="Answer">
      {data.unread.length > 0 && (
        <Problem
          title="Some policies cannot be read"
          message={`The answer is incomplete for ${incomplete.length} more ${incomplete.length === 1 ? 'account' : 'accounts'}: ${data.unread.join(', ')}`}
          next={[
            'Check that the policies exist, and that kon console has AWS credentials with iam:GetPolicy and iam:GetPolicyVersion.',
          ]}
        />
      )}
      {!data.isInlineEvaluated && (
        <Problem
          title="Inline policies that others put on a role cannot be read"
          message="The answer is incomplete: each of these policies can allow or deny the call."
          next={[
            'Run the command below on your machine, with AWS credentials that allow iam:GetAccountAuthorizationDetails.',
          ]}
        />
      )}
      <p role="status">
        {rows.length === 0
          ? data.unread.length === 0 && data.isInlineEvaluated
            ? `No account may call ${data.action} on ${data.resource}.`
            : `No account is known that may call ${data.action} on ${data.resource}.`
          : `${rows.length} of ${data.rows.length} accounts may call ${data.action} on ${data.resource}${areComplete ? `, and ${all.length} ${all.length === 1 ? 'pod uses' : 'pods use'} them` : ''}.`}
      </p>
      <ul className="answers">
        {rows.map((row) => (
          <Row
            key={row.account}
            row={row}
            pods={podsByAccount.get(row.account) ?? []}
            areComplete={areComplete}
          />
        ))}
      </ul>
      <p className="muted">Not evaluated: {data.notEvaluated.join('; ')}.</p>
    </section>
  );
}

function Row({
  row,
  pods,
  areComplete,
}: {
  readonly row: WhoCanRow;
  readonly pods: readonly PodRow[];
  /** Whether all pods of the account are in `pods`. */
  readonly areComplete: boolean;
}): ReactNode {
  return (
    <li>
      <h2>
        <AccountLink name={row.account} />{' '}
        <Badge tone={toneByDecision[row.decision]}>
          {row.decision === 'depends' ? `depends on ${row.conditions.join(', ')}` : row.decision}
        </Badge>{' '}
        {row.isQuarantined && <Badge tone="bad">in quarantine: every session is denied</Badge>}{' '}
        {row.loses === true && <Badge tone="bad">loses it without the policy</Badge>}
        {row.loses === false && <Badge tone="good">keeps it without the policy</Badge>}
      </h2>
      <p>
        {pods.length === 0 && areComplete ? <span className="muted">No pod uses it.</span> : null}
        {pods.slice(0, mostPods).map((pod) => (
          <span
            key={podKey(pod)}
            className={pod.identity === 'current' && !pod.quarantine?.denied ? 'lit' : 'lit dim'}
          >
            <Link href={podHref(pod.namespace, pod.name)}>{podKey(pod)}</Link>{' '}
            <PodMark row={pod.quarantine} />
          </span>
        ))}
        {pods.length > mostPods ? `and ${pods.length - mostPods} more` : ''}
      </p>
      {row.by.map(({ policy, statement, isAttached }) => (
        <details key={`${policy} ${statement}`}>
          <summary>
            Decided by <code className="breakable">{policy}</code>{' '}
            {!isAttached && <Badge tone="bad">not attached</Badge>}
          </summary>
          <pre tabIndex={0}>{statement}</pre>
        </details>
      ))}
    </li>
  );
}
