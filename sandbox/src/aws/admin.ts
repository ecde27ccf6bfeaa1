/**
 * Endpoints under `/_emulator/`, which AWS does not have. Tests and users call them to read the journal and to set
 * faults. The endpoints expose no secret and need no authentication. Like the rest of the emulator, they are reachable
 * only from this machine.
 */
import { z } from 'zod';
import type { Account } from './account.ts';
import type { Faults } from './faults/faults.ts';
import type { FaultSettingsInput } from './faults/settings.ts';
import { accountFigures } from './iam/account.ts';
import type { Journal } from './journal.ts';
import type { SignedRequest } from './wire/sigv4.ts';
import type { Wall } from '../../../src/k8s/time.ts';

export const adminPrefix = '/_emulator/';

type AdminAnswer = { readonly status: number; readonly body: unknown };
export type Admin = (request: SignedRequest) => AdminAnswer;

export function createAdmin(options: {
  readonly account: Account;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly region: string;
  readonly now: () => Wall;
}): Admin {
  const { account, journal, faults, region, now } = options;
  const routes: Readonly<Record<string, (request: SignedRequest) => AdminAnswer>> = {
    'GET journal': ({ rawQuery }) => {
      const query = new URLSearchParams(rawQuery);
      return ok({
        last: journal.last(),
        forgotten: journal.forgotten(),
        entries: journal.entries({
          since: readNumber(query.get('since')),
          limit: readNumber(query.get('limit')),
          service: query.get('service') ?? undefined,
          action: query.get('action') ?? undefined,
        }),
      });
    },
    'GET faults': () => ok(faults.settings()),
    'PUT faults': ({ body }) => setFaults(body, faults),
    // Lists the ServiceAccounts that have a Pod Identity association, as EKS passes them to the cluster's webhook.
    'GET pod-identities': ({ rawQuery }) =>
      podIdentities(new URLSearchParams(rawQuery), account, faults, now()),
    'GET state': () =>
      ok({
        partition: account.state.partition,
        accountId: account.state.accountId,
        region,
        revision: account.state.revision,
        figures: accountFigures(account.state),
        sessions: account.credentials.sessions(),
        calls: journal.counts(),
      }),
  };
  return (request) => {
    // Prevents DNS rebinding: a web page must not reach these endpoints through a name that resolves to this machine.
    if (!/^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/.test(request.headers['host'] ?? '')) {
      return {
        status: 403,
        body: { message: 'This endpoint accepts only requests to 127.0.0.1 or localhost.' },
      };
    }
    const name = `${request.method} ${request.path.slice(adminPrefix.length)}`;
    const route = routes[name];
    return route
      ? route(request)
      : {
          status: 404,
          body: { message: `The emulator has no endpoint "${name}".`, routes: Object.keys(routes) },
        };
  };
}

const ok = (body: unknown): AdminAnswer => ({ status: 200, body });

function setFaults(body: Uint8Array, faults: Faults): AdminAnswer {
  try {
    // The content is not validated here, because `set` validates it.
    const settings: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    faults.set(settings as FaultSettingsInput);
    return ok(faults.settings());
  } catch (error) {
    if (error instanceof z.ZodError) return { status: 400, body: { message: z.prettifyError(error) } };
    if (error instanceof SyntaxError) return { status: 400, body: { message: `Not JSON: ${error.message}` } };
    throw error;
  }
}

function podIdentities(query: URLSearchParams, account: Account, faults: Faults, now: number): AdminAnswer {
  const associations = account.eks.associations(query.get('cluster') ?? '', faults.authorisesAsOf(now));
  return ok({
    identities: associations.map(({ namespace, serviceAccount }) => ({ namespace, serviceAccount })),
  });
}

function readNumber(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}
