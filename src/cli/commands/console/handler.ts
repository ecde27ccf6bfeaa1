/** `kon console`: serves the web console for the user of the kubeconfig, or in a pod for users with bearer tokens. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defined } from '../../../k8s/defined.ts';
import { isUnauthorized, KubeApiError } from '../../../kube/errors.ts';
import { createKubeClient } from '../../../kube/client.ts';
import { staticConnection, systemTimer, type KubeClient } from '../../../kube/index.ts';
import { clusterState } from '../../../identity/plan/cluster-state.ts';
import { clusterConfigKind } from '../../cluster/kinds.ts';
import { listObjects } from '../../cluster/objects.ts';
import { readAssets } from '../../console/assets.ts';
import { createFeed } from '../../console/feed.ts';
import { createSessions } from '../../console/guard.ts';
import { route, type UserSession } from '../../console/routes.ts';
import { startConsoleServer, type ApiAnswer, type ApiRequest } from '../../console/server.ts';
import { createUserSessions } from '../../console/user-sessions.ts';
import type { About } from '../../console/wire.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import { version } from '../../version.ts';

type Options = { readonly port: number; readonly noOpen: boolean; readonly inCluster: boolean };

export async function serveConsole(context: CliContext, options: Options): Promise<void> {
  const assets = await readAssets(join(import.meta.dirname, 'console'));
  await (options.inCluster ? serveUsers : serveOwner)(context, options, assets);
}

type Assets = Awaited<ReturnType<typeof readAssets>>;

/** Serves the console on loopback, with the permissions of the kubeconfig's user. */
async function serveOwner(context: CliContext, options: Options, assets: Assets): Promise<void> {
  const { signal, stdout, stderr } = context;
  const [client, connection] = await Promise.all([context.connect(), context.connection()]);
  await requireCluster(client);
  const sessions = createSessions(() => randomBytes(32).toString('base64url'));
  const user: UserSession = {
    feed: createFeed({ client, clock: context, setTimer: systemTimer, signal }),
    context,
    hasAws: true,
    signal,
    about: () =>
      aboutOf(client, {
        mode: 'local',
        server: connection.server,
        kon: konPrefix(context),
        ...defined({ context: connection.context }),
      }),
  };
  const announce = (port: number, text: string): void => {
    stdout.write(`${text}http://127.0.0.1:${port}/#token=${sessions.token()}\n`);
  };
  let port = 0;
  const server = await startConsoleServer({
    host: '127.0.0.1',
    port: options.port,
    assets,
    access: (chosen) => ({
      mode: 'local',
      hosts: [`127.0.0.1:${chosen}`, `localhost:${chosen}`],
      isSession: sessions.isSession,
    }),
    api: async (request): Promise<ApiAnswer> => {
      if (request.path[0] !== 'session') return route(request, user);
      if (request.method === 'GET') return { kind: 'json', value: { mode: 'local' } };
      const session = sessions.exchange(tokenIn(request));
      if (session === undefined)
        throw new CliError('UNAUTHENTICATED', 'the link was already used, or is wrong', {
          next: ['Open the newest link that kon console printed.'],
        });
      announce(port, 'The link was used, and works only once. Link for another browser: ');
      return { kind: 'json', value: { session } };
    },
    setTimer: systemTimer,
    debug: context.debug,
  });
  ({ port } = server);
  announce(port, 'Console: ');
  const removeFile =
    !options.noOpen && stdout.isTTY
      ? await openBrowser(context, `http://127.0.0.1:${port}/#token=${sessions.token()}`)
      : undefined;
  if (stderr.isTTY) stderr.write('Ctrl-C stops it.\n');
  if (!signal.aborted) await once(signal, 'abort');
  await removeFile?.();
  await server.close();
}

/** Directory of a pod's ServiceAccount. The chart mounts only the certificate of the cluster there, no token. */
const podFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Interval in milliseconds of the checks for idle users and rejected tokens. */
const checkMs = 15_000;
/**
 * Serves users in a cluster. Each request contains the user's token. The console reads everything with this token, so
 * the process needs no permissions of its own.
 */
async function serveUsers(context: CliContext, options: Options, assets: Assets): Promise<void> {
  const { env, signal, stdout } = context;
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (host === undefined)
    throw new CliError('USAGE', '--in-cluster works only in a pod', {
      next: ['To start the console on your machine: kon console'],
    });
  const ca = await readFile(env['KON_CONSOLE_CA_FILE'] ?? join(podFolder, 'ca.crt'));
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${env['KUBERNETES_SERVICE_PORT'] ?? '443'}`;
  const sessions = createUserSessions<KubeClient, UserSession>({
    now: context.monotonic,
    async authenticate(token) {
      const client = createKubeClient(staticConnection({ server, token, tls: { ca } }));
      try {
        await whoIs(client);
        return client;
      } catch (error) {
        await client.close();
        throw error;
      }
    },
    isRejected: (client) => whoIs(client).then(() => false, isUnauthorized),
    close: (client) => void client.close(),
    start: (client, ended) => ({
      feed: createFeed({
        client,
        clock: context,
        setTimer: systemTimer,
        signal: AbortSignal.any([signal, ended]),
      }),
      context: { ...context, connect: () => Promise.resolve(client) },
      hasAws: false,
      signal: ended,
      about: () => aboutOf(client, { mode: 'in-cluster', server, kon: 'kon' }),
    }),
    isWatching: ({ feed }) => feed.subscribers() > 0,
  });
  const check = (): void => {
    void sessions.check();
    if (!signal.aborted) systemTimer(check, checkMs);
  };

  const running = await startConsoleServer({
    host: '0.0.0.0',
    port: options.port === 0 ? 8080 : options.port,
    assets,
    access: () => ({ mode: 'in-cluster' }),
    api: async (request) =>
      request.path[0] === 'session'
        ? { kind: 'json', value: { mode: 'in-cluster' } }
        : sessions.use(request.bearer ?? '', (user) => route(request, user)),
    setTimer: systemTimer,
    debug: context.debug,
  });
  stdout.write(`The console listens on port ${running.port}.\n`);
  check();
  if (!signal.aborted) await once(signal, 'abort');
  await running.close();
  sessions.endAll();
}

function tokenIn({ body }: ApiRequest): string {
  const { token } = (body ?? {}) as { readonly token?: unknown };
  return typeof token === 'string' ? token : '';
}

/** Returns the name of the client's user. @throws KubeApiError, with status 401 for a token that the API server rejects */
async function whoIs(client: KubeClient): Promise<string | undefined> {
  const review = await client.create<{
    apiVersion: string;
    kind: string;
    metadata: { name: string };
    status?: { userInfo?: { username?: string } };
  }>(
    {
      group: 'authentication.k8s.io',
      version: 'v1',
      kind: 'SelfSubjectReview',
      plural: 'selfsubjectreviews',
      namespaced: false,
    },
    { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: { name: '' } },
  );
  return review.status?.userInfo?.username;
}

/** Throws if the cluster does not respond or rejects the user, so that no page is opened. */
async function requireCluster(client: KubeClient): Promise<void> {
  try {
    await whoIs(client);
  } catch (error) {
    // Ignores other API errors: clusters before Kubernetes 1.28 do not have the SelfSubjectReview API, and the user may
    // lack the permission to call it.
    if (!(error instanceof KubeApiError) || isUnauthorized(error)) throw error;
  }
}

async function aboutOf(
  client: KubeClient,
  known: Omit<About, 'version' | 'user' | 'cluster'>,
): Promise<About> {
  const [user, configs] = await Promise.all([
    whoIs(client).catch(() => undefined),
    listObjects(client, clusterConfigKind).catch(() => []),
  ]);
  const state = clusterState(configs);
  return {
    ...known,
    version,
    ...defined({ user, cluster: state.ok ? state.facts.name : undefined }),
  };
}

/** Returns `kon` with the options that select the cluster, for commands that the page shows. */
function konPrefix({ global }: CliContext): string {
  const quoted = (text: string): string =>
    /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
  return [
    'kon',
    ...(global.context === undefined ? [] : ['--context', quoted(global.context)]),
    ...(global.kubeconfig === undefined ? [] : ['--kubeconfig', quoted(global.kubeconfig)]),
    ...(global.as === undefined ? [] : ['--as', quoted(global.as)]),
    ...global.asGroups.flatMap((group) => ['--as-group', quoted(group)]),
  ].join(' ');
}

/**
 * Opens a link in the browser. All users of the machine can see the arguments of a process. The argument is therefore a
 * file that redirects to the link, and that only this user can read. Ignores failures, because the link was also
 * printed.
 */
async function openBrowser(context: CliContext, link: string): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'kon-console-'));
  const file = join(folder, 'open.html');
  await writeFile(file, `<!doctype html><meta http-equiv="refresh" content="0;url=${link}">`, {
    mode: 0o600,
  });
  const openers: Readonly<Record<string, string>> = { darwin: 'open', win32: 'explorer.exe' };
  await context.spawn(openers[process.platform] ?? 'xdg-open', [file]).catch((error: unknown) => {
    context.debug(`no browser was opened: ${String(error)}`);
  });
  return () => rm(folder, { recursive: true, force: true });
}
