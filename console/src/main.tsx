import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { ApiError } from './api.ts';
import { signIn, signInWith, type SignIn } from './session.ts';
import { followCluster, type Outdated } from './store.ts';
import './style.css';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // Documents stay fresh for minutes, because the server's stream reports outdated documents.
      staleTime: 5 * 60_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => !(error instanceof ApiError) && failures < 2,
    },
  },
});

/** Minimum time between two refreshes of the same document, so that many changes cause few requests. */
const refreshMs = 300;

let pending: { readonly accounts: Set<string>; events: boolean } | undefined;
let isRefreshing = false;

/**
 * Collects outdated documents, and refreshes them once the previous refresh is complete. Two refreshes do not overlap,
 * because the second would cancel the requests of the first.
 */
async function refresh({ accounts, events }: Outdated): Promise<void> {
  pending ??= { accounts: new Set(), events: false };
  for (const name of accounts) pending.accounts.add(name);
  pending.events ||= events;
  if (isRefreshing) return;
  isRefreshing = true;
  while (pending) {
    const { accounts: names, events: haveEventsArrived } = pending;
    pending = undefined;
    await queries.invalidateQueries({
      predicate: ({ queryKey: [kind, name] }) => {
        const isNamed = typeof name === 'string' && names.has(name);
        if (kind === 'changes') return haveEventsArrived || name === undefined || isNamed;
        return (kind === 'account' || kind === 'impact') && isNamed;
      },
    });
    await new Promise((resolve) => setTimeout(resolve, refreshMs));
  }
  isRefreshing = false;
}

function SignInScreen({ state }: { readonly state: Exclude<SignIn, { kind: 'signed-in' }> }): ReactNode {
  const [isRefused, setRefused] = useState(false);
  if (state.kind === 'needs-link')
    return (
      <main className="sign-in">
        <h1>Open the console from the terminal</h1>
        <p>{state.message[0]?.toUpperCase() + state.message.slice(1)}.</p>
        <p>
          Open the newest link that <code>kon console</code> printed. Each link works once.
        </p>
      </main>
    );
  return (
    <main className="sign-in">
      <h1>Sign in with a token of the cluster</h1>
      <p>
        The console reads with your own rights. The token stays in this tab and goes only to the API server.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const token = new FormData(event.currentTarget).get('token');
          if (typeof token !== 'string') return;
          void signInWith(token.trim()).then((isAccepted) =>
            isAccepted ? location.reload() : setRefused(true),
          );
        }}
      >
        <label>
          Token
          <input name="token" type="password" required autoComplete="off" spellCheck={false} />
        </label>
        <button type="submit">Sign in</button>
      </form>
      {isRefused && <p role="alert">The API server rejects this token.</p>}
      <p>
        A token of a ServiceAccount: <code>kubectl create token NAME</code>. Of EKS:{' '}
        <code>aws eks get-token --cluster-name CLUSTER --query status.token --output text</code>
      </p>
    </main>
  );
}

const element = document.querySelector('#root');
if (!element) throw new Error('the page has no root');
const root = createRoot(element);
const state = await signIn();
if (state.kind === 'signed-in') {
  void followCluster((outdated) => void refresh(outdated), new AbortController().signal);
  root.render(
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>,
  );
} else root.render(<SignInScreen state={state} />);
