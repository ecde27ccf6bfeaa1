/** Checks AWS: the caller, whether STS can verify this cluster's tokens, the operator's permissions, and the quotas. */
import { podIdentityAudience, stsAudience } from '../../../../api/labels.ts';
import { awsHosts } from '../../../../api/partitions.ts';
import {
  IdentityError,
  matchesPattern,
  operatorCalls,
  operatorPolicyOptions,
  unboundedOperator,
  type OperatorScope,
  ownershipTags,
  type ClusterFacts,
} from '../../../../identity/index.ts';
import { policyEntries } from '../../../../identity/desired/policy-entries.ts';
import { findCondition } from '../../../../k8s/conditions.ts';
import { failure, ok, warning, type Checks, type Verdict } from '../check.ts';
import { tagKeysWarning, worthOfCredentials } from '../../../installation/fence.ts';
import type { Lookups } from '../lookups.ts';
import { readUrl } from '../web.ts';
import { clockVerdict } from './cluster.ts';

/** The check warns from the used fraction `warning` of a quota, and fails from the fraction `error`. */
const nearlyUsed = { warning: 0.8, error: 0.95 };

export const awsChecks = {
  'aws-credentials': async ({ caller, config }) => {
    const { accountId, arn } = await caller();
    const found = await config().catch(() => undefined);
    const wanted = found?.spec.aws.accountId ?? found?.status?.accountId;
    return wanted === undefined || wanted === accountId
      ? ok(arn)
      : failure(`you are ${arn}, but the cluster's roles are in AWS account ${wanted}`, [
          `Choose a profile of that AWS account: AWS_PROFILE=NAME`,
        ]);
  },
  'aws-clock-skew': async ({ env, region, now, signal }) => {
    const url =
      env['AWS_ENDPOINT_URL_STS'] || env['AWS_ENDPOINT_URL'] || `https://${awsHosts(await region()).sts}`;
    const sent = now();
    try {
      const { date } = await readUrl(url, { method: 'HEAD', env, signal });
      return clockVerdict(date, sent, now(), 'AWS');
    } catch (error) {
      return warning(`${url} returns no time: ${wordsOf(error)}`);
    }
  },
  'oidc-provider': async ({ aws, config, operatorAccounts, signal }) => {
    const arn = (await config())?.status?.oidcProviderArn;
    if (arn === undefined) return warning('the status of the ClusterConfig names no OIDC provider');
    const provider = await (await aws()).account.oidcProvider(arn, signal);
    if (!provider && (await config())?.spec.aws.identityMode === 'PodIdentity')
      return (await operatorAccounts()).some(({ roleArn }) => roleArn !== undefined)
        ? failure(
            `${arn} does not exist; accounts with Pod Identity do not need the provider, but the operator does`,
            ['Also give the operator its role by Pod Identity: kon install --identity-mode PodIdentity'],
          )
        : ok('not needed with Pod Identity');
    if (!provider)
      return failure(`${arn} does not exist`, [
        'Create the provider: kon install, or eksctl utils associate-iam-oidc-provider',
      ]);
    return provider.clientIds.includes(stsAudience)
      ? ok(arn)
      : failure(`${arn} does not list ${stsAudience}`, [
          `aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn ${arn} --client-id ${stsAudience}`,
        ]);
  },
  'oidc-thumbprint': checkThumbprint,
  issuer: checkIssuer,
  'operator-permissions': checkOperatorPermissions,
  'operator-fence': checkOperatorFence,
  drift: async ({ config }) => {
    const counting = await config();
    const checked = counting && findCondition(counting.status?.conditions, 'DriftChecked');
    if (!checked) return warning('no operator has completed a drift detection pass yet');
    return checked.status === 'True'
      ? ok(checked.message)
      : failure(`${checked.reason}: ${checked.message}`, [
          'While drift detection fails, changes by others in AWS are not detected.',
        ]);
  },
  quotas: async ({ config, accounts, aws, signal }) => {
    // Reads the current quotas and usage, because the operator reads them only every few minutes and reports only significant
    // changes.
    const quotas = await (await aws()).account.quotas(signal).catch(async (error: unknown) => {
      signal.throwIfAborted();
      if (error instanceof IdentityError) return (await config())?.status?.quotas;
      throw error;
    });
    if (!quotas) return warning('neither you nor the operator could read the quotas (iam:GetAccountSummary)');
    const uses: [string, number, number][] = [
      ['roles', quotas.rolesUsed, quotas.roles],
      ...(await accounts()).map((account): [string, number, number] => [
        `policies of the account ${account.metadata.name}`,
        policyEntries(account.spec.aws).length,
        quotas.policiesPerRole,
      ]),
    ];
    const quotasAbove = (limit: number): readonly string[] =>
      uses
        .filter(([, used, most]) => used / most >= limit)
        .map(([what, used, most]) => `${what}: ${used} of ${most}`);
    const nearly = quotasAbove(nearlyUsed.warning);
    if (nearly.length === 0) return ok(`roles: ${quotas.rolesUsed} of ${quotas.roles}`);
    const serious = quotasAbove(nearlyUsed.error).length > 0;
    return (serious ? failure : warning)(
      'request higher quotas from AWS before these quotas are used up',
      nearly,
    );
  },
} satisfies Checks;

const usesEmulator = ({ env }: Lookups): boolean =>
  Boolean(env['AWS_ENDPOINT_URL'] || env['AWS_ENDPOINT_URL_STS']);

async function checkThumbprint(lookups: Lookups): Promise<Verdict> {
  const { aws, config, signal } = lookups;
  if (usesEmulator(lookups))
    return ok(
      'skipped: AWS_ENDPOINT_URL names an emulator, which reads the signing keys from a configured URL instead of the issuer',
    );
  const arn = (await config())?.status?.oidcProviderArn;
  const provider = arn === undefined ? undefined : await (await aws()).account.oidcProvider(arn, signal);
  if (arn === undefined || !provider) return ok('there is no OIDC provider');
  const { certificateVerdict, readCertificates } = await import('./issuer-certificate.ts');
  const issuer = await lookups.issuer();
  try {
    return certificateVerdict(
      await readCertificates(issuer, lookups.env, signal),
      provider.thumbprints ?? [],
      arn,
    );
  } catch (error) {
    signal.throwIfAborted();
    return warning(`${issuer} cannot be reached from this machine: ${wordsOf(error)}`, [
      'STS must reach the issuer over the internet.',
    ]);
  }
}

type Keys = { readonly keys?: readonly { readonly kid?: string }[] };

async function checkIssuer(lookups: Lookups): Promise<Verdict> {
  const { client, env, signal } = lookups;
  if (usesEmulator(lookups))
    return ok(
      'skipped: AWS_ENDPOINT_URL names an emulator, which reads the signing keys from a configured URL instead of the issuer',
    );
  const issuer = await lookups.issuer();
  try {
    const read = async (url: string): Promise<unknown> => {
      const { status, body } = await readUrl(url, { env, signal });
      if (status !== 200) throw new Error(`${url} answers ${status}`);
      return JSON.parse(body);
    };
    const document = (await read(`${issuer}/.well-known/openid-configuration`)) as { jwks_uri?: string };
    const published = (await read(document.jwks_uri ?? `${issuer}/keys`)) as Keys;
    const own = await (await client()).raw({ method: 'GET', path: '/openid/v1/jwks', signal });
    const used = own.status === 200 ? ((JSON.parse(own.body) as Keys).keys ?? []) : [];
    const kids = new Set((published.keys ?? []).map(({ kid }) => kid));
    const unpublished = used.filter(({ kid }) => !kids.has(kid));
    return unpublished.length === 0
      ? ok(`${kids.size} keys at ${issuer}`)
      : failure('keys of the API server are not published, so STS rejects its tokens', [
          ...unpublished.map(({ kid }) => `key ${kid}`),
          "Publish the output of `kubectl get --raw /openid/v1/jwks` as the issuer's keys.",
        ]);
  } catch (error) {
    return warning(`the keys of ${issuer} cannot be read from this machine: ${wordsOf(error)}`, [
      'STS must be able to read these keys over the internet.',
    ]);
  }
}

async function checkOperatorPermissions(lookups: Lookups): Promise<Verdict> {
  const state = await lookups.state();
  if (!state.ok) return warning(state.message);
  const { facts } = state;
  const principal = await operatorPrincipal(lookups, facts);
  if (principal === undefined)
    return warning("the operator's IAM principal is unknown", [
      'Pass the ARN: kon doctor --operator-arn ARN',
    ]);
  const { policies } = await lookups.aws();
  const denied: string[] = [];
  const usesPodIdentity = [facts, ...(await lookups.accounts()).map(({ spec }) => spec.aws)].some(
    ({ identityMode }) => identityMode === 'PodIdentity',
  );
  for (const [scope, actions] of rightsByScope(usesPodIdentity, facts)) {
    const results = await policies.simulate(
      {
        principalArn: principal,
        actions,
        resources: [resourceFor(scope, facts)],
        context: requestContext(facts),
      },
      lookups.signal,
    );
    denied.push(...results.filter(({ decision }) => decision !== 'allowed').map(({ action }) => action));
  }
  if (denied.length === 0) return ok(principal);
  // Denials of these two actions cause only a warning: without `GetAccountAuthorizationDetails`, the operator reads
  // roles one by one, and without `GetAccountSummary`, it assumes AWS's default quotas.
  const needed = denied.filter(
    (action) => !['iam:GetAccountAuthorizationDetails', 'iam:GetAccountSummary'].includes(action),
  );
  return (needed.length > 0 ? failure : warning)(
    `${principal} is not permitted to call ${denied.join(', ')}`,
    ['Required permissions: kon iam-policy'],
  );
}

/** Returns the given ARN, or the role of the operator's ServiceAccount from its annotation or association. */
async function operatorPrincipal(
  lookups: Lookups,
  { name: clusterName, identityMode }: ClusterFacts,
): Promise<string | undefined> {
  if (lookups.operatorArn !== undefined) return lookups.operatorArn;
  for (const { namespace, name, roleArn } of await lookups.operatorAccounts()) {
    if (roleArn !== undefined) return roleArn;
    if (identityMode !== 'PodIdentity') continue;
    const { associations } = (await lookups.aws()).podIdentity(clusterName);
    const association = await associations.read({ namespace, serviceAccount: name }, lookups.signal);
    if (association?.details) return association.details.roleArn;
  }
  return undefined;
}

/** Checks in IAM whether the operator's policy has the limits that the ClusterConfig specifies. */
async function checkOperatorFence(lookups: Lookups): Promise<Verdict> {
  const config = await lookups.config();
  if (!config) return ok('no ClusterConfig yet');
  const accountId = config.status?.accountId ?? config.spec.aws.accountId ?? '';
  const options = operatorPolicyOptions(config, { accountId });
  const found = options && unboundedOperator(options);
  if (found)
    return warning(`${worthOfCredentials(found.policy)} (${found.why})`, [
      'Set permissionsBoundaryArn or allowedPolicyArns in spec.aws of the ClusterConfig.',
      'Then update the policy of the operator’s role: kon install, or apply the output of kon iam-policy',
    ]);
  const tags = options && tagKeysWarning(await lookups.accounts(), options);
  if (tags !== undefined) return warning(tags.trim().replace(/^Warning: /, ''));
  const state = await lookups.state();
  const principal = state.ok ? await operatorPrincipal(lookups, state.facts) : undefined;
  if (!state.ok || principal === undefined)
    return ok("by the ClusterConfig; the operator's own policy was not checked");
  const { facts } = state;
  const { 'iam:PermissionsBoundary': _, ...context } = requestContext(facts);
  const administrator = `arn:${facts.partition}:iam::aws:policy/AdministratorAccess`;
  const [attach] = await (
    await lookups.aws()
  ).policies.simulate(
    {
      principalArn: principal,
      actions: ['iam:AttachRolePolicy'],
      resources: [resourceFor('attachment', facts)],
      context: { ...context, 'iam:PolicyARN': administrator },
    },
    lookups.signal,
  );
  return attach?.decision === 'allowed'
    ? warning(
        `IAM allows ${principal} to attach ${administrator} to a role without a boundary, but the ClusterConfig forbids this`,
        ['Update the policy of this role or user: kon install, or apply the output of kon iam-policy'],
      )
    : ok(principal);
}

type Scope = OperatorScope | 'passing';

function rightsByScope(
  usesPodIdentity: boolean,
  { allowsStatements }: Pick<ClusterFacts, 'allowsStatements'>,
): ReadonlyMap<Scope, readonly string[]> {
  const scopes = new Map<Scope, string[]>(usesPodIdentity ? [['passing', ['iam:PassRole']]] : []);
  const services = usesPodIdentity ? (['iam', 'eks', 'eks-auth'] as const) : (['iam'] as const);
  for (const service of services)
    for (const [action, scope] of Object.entries<OperatorScope>(operatorCalls[service])) {
      // Skips the removal of boundaries. If a boundary is required, the operator never removes one and has no permission for it.
      if (scope === 'boundaryRemoval') continue;
      if (scope === 'inlinePolicy' && !allowsStatements) continue;
      scopes.set(scope, [...(scopes.get(scope) ?? []), `${service}:${action}`]);
    }
  return scopes;
}

function resourceFor(scope: Scope, facts: ClusterFacts): string {
  if (scope === 'account') return '*';
  if (scope === 'provider') return facts.providerArn;
  if (scope === 'cluster' || scope === 'newAssociation') return facts.clusterArn;
  if (scope.toLowerCase().includes('association'))
    return `${facts.clusterArn.replace(':cluster/', ':podidentityassociation/')}/a-kon-doctor`;
  return `arn:${facts.partition}:iam::${facts.accountId}:role${facts.rolePath}kon-doctor`;
}

/**
 * Returns the request context for the policy simulation: a call for a role of this cluster, with a policy and a boundary that the
 * ClusterConfig allows.
 */
function requestContext(facts: ClusterFacts): Readonly<Record<string, string>> {
  const tags = ownershipTags({ ...facts, account: 'kon-doctor', uid: 'kon-doctor' });
  const allowed = facts.allowedPolicyArns;
  const policy = `arn:${facts.partition}:iam::aws:policy/ReadOnlyAccess`;
  const fits = !allowed || allowed.some((pattern) => matchesPattern(policy, pattern));
  return {
    ...Object.fromEntries(
      Object.entries(tags).flatMap(([key, value]) => [
        [`aws:ResourceTag/${key}`, value],
        [`aws:RequestTag/${key}`, value],
      ]),
    ),
    // The simulated request has only one tag key, although a real request has several. One key suffices, because the
    // policy's condition tests each key on its own.
    'aws:TagKeys': Object.keys(tags)[0] ?? '',
    'iam:PassedToService': podIdentityAudience,
    'iam:PolicyARN': fits ? policy : (allowed[0] ?? policy).replaceAll('*', 'x').replaceAll('?', 'x'),
    ...(facts.permissionsBoundaryArn === undefined
      ? {}
      : { 'iam:PermissionsBoundary': facts.permissionsBoundaryArn }),
  };
}

function wordsOf(error: unknown): string {
  if (error instanceof IdentityError || !(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
