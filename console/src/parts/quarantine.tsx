/** Shows the quarantine of an account: the user who requested it, and the buttons that start and end the quarantine. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type ReactNode } from 'react';
import type {
  AccountRow,
  Proposal,
  QuarantineProposals,
  QuarantineState,
} from '../../../src/cli/console/wire.ts';
import { request } from '../api.ts';
import { age, Badge, Command, QueryProblem, useNow } from './basics.tsx';
import { QuarantinedPods } from './quarantined-pods.tsx';
import { SourceProblems } from './source-problems.tsx';
import { useCluster } from '../store.ts';

export function Quarantine({ row, kon }: { readonly row: AccountRow; readonly kon: string }): ReactNode {
  const { name, quarantine } = row;
  const path = `accounts/${encodeURIComponent(name)}`;
  const queries = useQueryClient();
  const { data, error } = useQuery({
    queryKey: ['account', name, 'quarantine'],
    queryFn: ({ signal }) => request<QuarantineProposals>(`${path}/quarantine`, { signal }),
  });
  const action = useMutation({
    mutationFn: ({
      verb,
      body,
    }: {
      readonly verb: string;
      readonly body: Readonly<Record<string, unknown>>;
    }) => request(`${path}/${verb}`, { method: 'POST', body }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['account', name, 'quarantine'] }),
  });
  const run = (verb: string, body: Readonly<Record<string, unknown>>): void => action.mutate({ verb, body });
  return (
    <section aria-label="Quarantine">
      <h2>Quarantine</h2>
      <State row={row} />
      <QuarantinedPods row={row} kon={kon} />
      {error && <QueryProblem error={error} title="Your rights to quarantine and release cannot be read" />}
      {data && (
        <div className="actions">
          {quarantine === undefined || quarantine.state === 'ending' ? (
            <Ask
              button="Quarantine …"
              question={`Cut off the account "${name}"?`}
              confirm="Cut off"
              proposal={data.quarantine}
              role="konstellation-respond"
              isPending={action.isPending}
              withReason
              onConfirm={(reason) => run('quarantine', reason === '' ? {} : { reason })}
            />
          ) : (
            <Ask
              button="Release …"
              question={`Release the account "${name}"?`}
              confirm="Release"
              proposal={data.release}
              role="konstellation-release"
              isPending={action.isPending}
              onConfirm={() => run('release', { deletePods: false })}
            />
          )}
          {quarantine !== undefined && (
            <Ask
              button="Delete the pods and release …"
              question={`Release the account "${name}"?`}
              confirm="Delete the pods and release"
              proposal={data.releaseWithPods}
              role="konstellation-release"
              isPending={action.isPending}
              onConfirm={() => run('release', { deletePods: true })}
            />
          )}
        </div>
      )}
      {action.isPending && action.variables.body['deletePods'] === true && (
        <p role="status">
          Waiting until the quarantine has taken effect everywhere, which takes up to a minute. If you close
          this page before, the account stays in quarantine.
        </p>
      )}
      {action.error && (
        <QueryProblem
          error={action.error}
          title={
            action.variables.verb === 'release'
              ? 'The account cannot be released'
              : 'The account cannot be quarantined'
          }
        />
      )}
      <Command text={`${kon} account ${quarantine === undefined ? 'quarantine' : 'release'} ${name}`} />
    </section>
  );
}

const stateTexts: Readonly<Record<QuarantineState['state'], string>> = {
  requested: 'requested; its roles do not deny all sessions yet',
  'in force': 'in force; its sessions are denied and no pod can get credentials',
  ending: 'ended; the account still has no access',
};

function State({ row: { quarantine, quarantinedPods } }: { readonly row: AccountRow }): ReactNode {
  const now = useNow();
  const { status } = useCluster();
  if (!quarantine)
    return (
      <>
        <p className="muted">
          {status.quarantines.state === 'loading'
            ? 'Reading Quarantines …'
            : quarantinedPods
              ? 'Only single pods are in quarantine:'
              : status.quarantines.state === 'live'
                ? 'The account is not in quarantine.'
                : 'The status of the account reports no quarantine.'}
        </p>
        <SourceProblems of={['quarantines']} />
      </>
    );
  return (
    <>
      <p>
        <Badge tone={quarantine.state === 'ending' ? 'wait' : 'bad'}>quarantined</Badge>{' '}
        {stateTexts[quarantine.state]}
      </p>
      <ul>
        {quarantine.requests.map(({ name, since, requestedBy, reason }) => (
          <li key={name}>
            Requested by {requestedBy ?? 'an unknown user'}
            {since === undefined ? '' : ` at ${since} (${age(since, now)} ago)`}
            {reason === undefined ? '' : `: ${reason}`}
          </li>
        ))}
      </ul>
      <SourceProblems of={['quarantines']} />
    </>
  );
}

/**
 * Button that first shows the effect of an action. A second button confirms and performs the action. While the user
 * lacks a permission for the action, the first button is disabled and an explanation is shown.
 */
function Ask(props: {
  readonly button: string;
  readonly question: string;
  readonly confirm: string;
  readonly proposal: Proposal;
  /** ClusterRole of the Helm chart that grants the permission for the action. */
  readonly role: string;
  readonly isPending: boolean;
  readonly withReason?: boolean;
  readonly onConfirm: (reason: string) => void;
}): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState('');
  const { consequence = '', missingRights } = props.proposal;
  const isForbidden = missingRights.length > 0;
  return (
    <div>
      <button
        type="button"
        disabled={props.isPending || isForbidden}
        onClick={() => dialog.current?.showModal()}
      >
        {props.button}
      </button>
      {isForbidden && (
        <p className="muted">
          {props.button.replace(' …', '')}: you are not permitted to {missingRights.join(', ')}.
          {missingRights.some((right) => right.includes('quarantines')) &&
            ` The ClusterRole ${props.role} grants the permissions on Quarantines.`}
        </p>
      )}
      <dialog ref={dialog} aria-label={props.question}>
        <h2>{props.question}</h2>
        {consequence.split('\n').map((line) => (
          <p key={line}>{line}</p>
        ))}
        {props.withReason && (
          <label>
            Reason{' '}
            <input maxLength={1024} value={reason} onChange={(event) => setReason(event.target.value)} />
          </label>
        )}
        <p className="actions">
          <button type="button" autoFocus onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="button"
            className="danger"
            onClick={() => {
              dialog.current?.close();
              props.onConfirm(reason.trim());
            }}
          >
            {props.confirm}
          </button>
        </p>
      </dialog>
    </div>
  );
}
