/**
 * API of the console. Each route runs the function behind a command, with the user's own credentials, and returns the document
 * that the command prints with `-o json`.
 */
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { documentOf, withoutManagedFields } from '../framework/output/data.ts';
import { notFound } from '../cluster/objects.ts';
import { accountKind } from '../cluster/kinds.ts';
import { policyRows } from '../commands/account/show/policy-rows.ts';
import { decide } from '../commands/account/can-i/handler.ts';
import { historyOf } from '../commands/account/history/handler.ts';
import { verify } from '../commands/account/verify/handler.ts';
import type { CliContext } from '../framework/context.ts';
import { CliError } from '../framework/errors.ts';
import type { Feed } from './feed.ts';
import { catalogueActions, policyDocument } from '../permissions/policies.ts';
import { requireQuestion } from '../permissions/question.ts';
import { quarantine, quarantineProposals, releaseAccount } from './quarantine.ts';
import type { ApiAnswer, ApiRequest } from './server.ts';
import { answerWhoCan } from '../permissions/who-can-answer.ts';
import type { About, AccountPolicies, Source } from './wire.ts';

/** One user of the console. */
export type UserSession = {
  readonly feed: Feed;
  /** Context for functions shared with the CLI, with the user's Kubernetes client. */
  readonly context: CliContext;
  /**
   * Whether routes can use the AWS credentials of this process. In a pod, they cannot, because these credentials do not
   * belong to the user.
   */
  readonly hasAws: boolean;
  /** Aborted when the session ends. */
  readonly signal: AbortSignal;
  readonly about: () => Promise<About>;
};

/** Maximum number of changes per response. The page virtualizes its list, so only the response size matters. */
const mostChanges = 2000;
const mostActions = 20;

const json = (value: unknown): ApiAnswer => ({ kind: 'json', value });

export async function route(request: ApiRequest, session: UserSession): Promise<ApiAnswer> {
  const { feed, context, about } = session;
  const { method, path, query, body, signal } = request;
  const [noun, name, verb] = path;
  const needed = kindsNeeded(noun, verb);
  if (needed) await feed.listed(...needed);
  switch (`${method} ${noun}${name === undefined ? '' : '/NAME'}${verb === undefined ? '' : `/${verb}`}`) {
    case 'GET about':
      return json(await about());
    case 'GET stream':
      return { kind: 'stream', open: (send) => feed.subscribe(send), signal: session.signal };
    case 'GET changes':
      return json(feed.changes(query.get('account') ?? undefined, mostChanges));
    case 'GET actions':
      return json({ items: catalogueActions(query.get('prefix') ?? '', mostActions) });
    case 'GET policy':
      return json(await policyDocument(required(query, 'arn'), feed.accounts(), feed.facts(), session));
    case 'GET who-can': {
      const action = required(query, 'action');
      const resource = query.get('resource') || '*';
      requireQuestion(action, resource);
      const question = { action, resource, without: query.get('without') || undefined };
      const reading = { hasAws: session.hasAws, context: { ...context, signal } };
      return json(await answerWhoCan(question, feed.accounts(), feed.facts(), reading));
    }
    case 'GET accounts/NAME':
      return json(withoutManagedFields(accountOf(feed, name)));
    case 'GET accounts/NAME/policies': {
      const account = accountOf(feed, name);
      const boundary = account.spec.aws.permissionsBoundaryArn;
      const policies: AccountPolicies = {
        items: policyRows(account),
        statements: account.spec.aws.statements ?? [],
        ...(account.status?.statements ? { statementsStatus: account.status.statements } : {}),
        ...(boundary === undefined ? {} : { boundary }),
      };
      return json(policies);
    }
    case 'GET accounts/NAME/impact': {
      const impact = feed.impact(name ?? '');
      if (!impact) throw notFound(accountKind, name ?? '');
      return json(impact);
    }
    case 'GET accounts/NAME/quarantine':
      return json(await quarantineProposals(await context.connect(), accountOf(feed, name), context));
    case 'POST accounts/NAME/quarantine':
      return json(await quarantine(await context.connect(), accountOf(feed, name), body));
    case 'POST accounts/NAME/release':
      return json(await releaseAccount({ ...context, signal }, accountOf(feed, name), body));
    case 'GET accounts/NAME/history':
      return json(documentOf('History', await historyOf(await context.connect(), name ?? '')));
    case 'GET accounts/NAME/can-i':
      requireAws(session, `kon account can-i ${name}`);
      return json(
        documentOf(
          'PolicyDecision',
          await decide(
            { ...context, signal },
            {
              account: name ?? '',
              action: required(query, 'action'),
              resource: query.get('resource') || '*',
            },
          ),
        ),
      );
    case 'POST accounts/NAME/verify':
      requireAws(session, `kon account verify ${name}`);
      return json(
        documentOf('AccountVerification', {
          account: name ?? '',
          targets: await verify({ ...context, signal }, name ?? ''),
        }),
      );
    default:
      throw new CliError('NOT_FOUND', 'the console API has no such route');
  }
}

/** Returns the kinds that a route reads in addition to accounts; undefined if the route reads no objects. */
function kindsNeeded(noun: string | undefined, verb: string | undefined): readonly Source[] | undefined {
  switch (noun) {
    case 'changes':
      return ['events'];
    case 'policy':
    case 'who-can':
      return ['targets'];
    case 'accounts':
      // Only the route `accounts/NAME/impact` needs the apps and pods. Other routes of accounts, above all those for a
      // quarantine, must not wait for these lists.
      return verb === 'impact' ? ['apps', 'pods'] : [];
    default:
      return undefined;
  }
}

function accountOf(feed: Feed, name = ''): LinkedServiceAccount {
  const account = feed.account(name);
  if (!account) throw notFound(accountKind, name);
  return account;
}

/** @throws CliError of code USAGE */
function required(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (!value) throw new CliError('USAGE', `the parameter "${name}" is missing`);
  return value;
}

/** @throws CliError of code AWS_UNAUTHENTICATED */
export function requireAws({ hasAws }: Pick<UserSession, 'hasAws'>, command: string): void {
  if (hasAws) return;
  throw new CliError('AWS_UNAUTHENTICATED', 'the console in the cluster has no AWS credentials', {
    next: [`Run this on your machine, with your own credentials: ${command}`],
  });
}
