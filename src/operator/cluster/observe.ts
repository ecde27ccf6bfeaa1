/**
 * Reads the facts that a ClusterConfig is checked against, such as the cluster's token issuer, the AWS account and the
 * namespaces.
 */
import { targetLabel, type ClusterConfig, type LinkedServiceAccount } from '../../api/index.ts';
import {
  asIdentityError,
  effectiveConfig,
  IdentityError,
  oidcProviderArn,
  type Answer,
  type CloudAccount,
  type ClusterWorld,
  type DriftCheck,
} from '../../identity/index.ts';
import { KubeApiError } from '../../kube/index.ts';
import { defined } from '../../k8s/defined.ts';
import { isBeingDeleted, type OperatorContext } from '../context.ts';

export type ClusterObserverOptions = {
  readonly context: OperatorContext;
  readonly aws: () => CloudAccount;
  /** Returns the outcomes of drift detection in this process. */
  readonly driftChecks: () => readonly DriftCheck[];
};

/** Responses from the API server and AWS. These facts change rarely, so the responses are reused for some minutes. */
export type RemoteAnswers = Pick<ClusterWorld, 'issuer' | 'caller' | 'provider' | 'quotas'>;

/**
 * Requests the facts about the cluster from the API server and AWS. Returns undefined if the API server does not
 * respond. In that case, the status of the ClusterConfig stays as it is, and accounts are still reconciled.
 */
export async function requestFacts(
  { context, aws }: ClusterObserverOptions,
  signal: AbortSignal,
): Promise<RemoteAnswers | undefined> {
  const [issuer, caller] = await Promise.all([
    discoverIssuer(context, signal),
    answerOf(aws().callerIdentity(signal)),
  ]);
  if (!issuer) return undefined;
  const [provider, quotas] = await Promise.all([
    issuer.ok && caller.ok
      ? answerOf(aws().oidcProvider(oidcProviderArn({ ...caller.value, issuer: issuer.value }), signal))
      : undefined,
    caller.ok ? answerOf(aws().quotas(signal)) : undefined,
  ]);
  return { issuer, caller, ...defined({ provider, quotas }) };
}

export function observeCluster(
  config: ClusterConfig,
  answers: RemoteAnswers,
  { context, driftChecks }: ClusterObserverOptions,
): ClusterWorld {
  const { informers, now, operatorNamespace } = context;
  const oldest = effectiveConfig(informers.clusterConfigs.store.list())?.metadata.name;
  return {
    ...answers,
    now: now(),
    config,
    ...defined({ operatorNamespace, older: oldest === config.metadata.name ? undefined : oldest }),
    disallowed: disallowedIn(informers.accounts.store.list()),
    namespaces: informers.namespaces.store.list().map((namespace) => ({
      name: namespace.metadata.name,
      labelled: namespace.metadata.labels?.[targetLabel] === namespace.metadata.name,
      terminating: isBeingDeleted(namespace),
    })),
    drift: driftChecks(),
  };
}

/** Counts the attached policies that the ClusterConfig no longer allows, and the accounts that list such policies. */
export function disallowedIn(accounts: readonly LinkedServiceAccount[]): {
  readonly policies: number;
  readonly accounts: number;
} {
  const counts = accounts
    .map(
      ({ status }) =>
        status?.policies?.filter(({ attached, reason }) => attached && reason === 'PolicyNotAllowed')
          .length ?? 0,
    )
    .filter((count) => count > 0);
  return { policies: counts.reduce((sum, count) => sum + count, 0), accounts: counts.length };
}

const discoveryPath = '/.well-known/openid-configuration';

/**
 * Returns the issuer of the API server's tokens, which on EKS is the OIDC issuer of the cluster. Returns undefined if
 * the API server does not respond.
 */
async function discoverIssuer(
  { client, logger }: OperatorContext,
  signal: AbortSignal,
): Promise<Answer<string> | undefined> {
  const unknown = (message: string): Answer<string> => ({
    ok: false,
    error: new IdentityError('Unexpected', message),
  });
  try {
    const { status, body } = await client.raw({ method: 'GET', path: discoveryPath, signal });
    if (status !== 200) throw new KubeApiError({ code: status, message: body.slice(0, 200) });
    const issuer = issuerIn(body);
    return issuer === undefined
      ? unknown(`${discoveryPath} of the API server contains no issuer`)
      : { ok: true, value: issuer };
  } catch (error) {
    if (error instanceof KubeApiError && error.status !== 429 && error.status < 500)
      return unknown(`the API server answered ${discoveryPath} with ${error.status}: ${error.message}`);
    if (signal.aborted) throw error;
    logger.warn('cannot discover the token issuer of the API server', { error });
    return undefined;
  }
}

/** Returns the issuer in a discovery document, if any. Source of the format: OpenID Connect Discovery 1.0, §4.2. */
function issuerIn(discovery: string): string | undefined {
  try {
    const document: unknown = JSON.parse(discovery);
    const issuer =
      typeof document === 'object' && document !== null && 'issuer' in document ? document.issuer : undefined;
    return typeof issuer === 'string' ? issuer : undefined;
  } catch {
    return undefined;
  }
}

async function answerOf<T>(question: Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await question };
  } catch (error) {
    return { ok: false, error: asIdentityError(error) };
  }
}
