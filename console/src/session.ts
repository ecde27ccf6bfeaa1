/**
 * Session key for requests to the server. A link contains a one-time token in its fragment, because browsers do not
 * send fragments to servers. Before anything else, the page removes the token from the address. Each tab keeps its own
 * copy of the session key. A tab sends its key to other tabs of the same page on request, so that a link can be opened
 * in a new tab.
 */
const storageKey = 'kon-session';
const channelName = 'kon-session';
const answerMs = 150;

let key: string | undefined;

export type SignIn =
  | { readonly kind: 'signed-in' }
  /** The link was already used, or the page was opened without a link. */
  | { readonly kind: 'needs-link'; readonly message: string }
  | { readonly kind: 'needs-token' };

export async function signIn(): Promise<SignIn> {
  const token = takeToken();
  offerKey();
  const { mode } = (await (await fetch('/api/session')).json()) as { mode: 'local' | 'in-cluster' };
  key = sessionStorage.getItem(storageKey) ?? undefined;
  if (token !== undefined && mode === 'local') {
    const answer = await fetch('/api/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    const value = (await answer.json()) as { readonly session?: string; readonly message?: string };
    if (value.session !== undefined) {
      remember(value.session);
      return { kind: 'signed-in' };
    }
    if (key === undefined) return { kind: 'needs-link', message: value.message ?? 'the link was refused' };
  }
  key ??= await keyOfOtherTab();
  if (await isAccepted()) return { kind: 'signed-in' };
  forget();
  return mode === 'in-cluster'
    ? { kind: 'needs-token' }
    : { kind: 'needs-link', message: 'this tab has no session with the server' };
}

/** Signs in to a console that runs in a cluster. In this mode, the user's bearer token is the session key. */
export async function signInWith(token: string): Promise<boolean> {
  remember(token);
  if (await isAccepted()) return true;
  forget();
  return false;
}

export function authorization(): Readonly<Record<string, string>> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

async function isAccepted(): Promise<boolean> {
  const answer = await fetch('/api/about', { headers: authorization() });
  return answer.status !== 401;
}

function remember(value: string): void {
  key = value;
  sessionStorage.setItem(storageKey, value);
}

function forget(): void {
  key = undefined;
  sessionStorage.removeItem(storageKey);
}

/** Opening a new link in this tab changes only the fragment, so the browser does not reload the page. */
window.addEventListener('hashchange', () => {
  if (location.hash.startsWith('#token=')) location.reload();
});

function takeToken(): string | undefined {
  const token = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (token !== undefined) history.replaceState(undefined, '', location.pathname + location.search);
  return token;
}

function offerKey(): void {
  const channel = new BroadcastChannel(channelName);
  channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel reaches only this origin
    if (data === 'ask' && key !== undefined) channel.postMessage({ key });
  });
}

function keyOfOtherTab(): Promise<string | undefined> {
  const channel = new BroadcastChannel(channelName);
  return new Promise<string | undefined>((resolve) => {
    const finish = (value: string | undefined): void => {
      channel.close();
      if (value !== undefined) remember(value);
      resolve(value);
    };
    channel.addEventListener('message', ({ data }: MessageEvent<{ readonly key?: unknown }>) => {
      if (typeof data.key === 'string') finish(data.key);
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel reaches only this origin
    channel.postMessage('ask');
    setTimeout(() => finish(undefined), answerMs);
  });
}
