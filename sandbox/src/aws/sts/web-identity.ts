/**
 * AssumeRoleWithWebIdentity: exchanges a token of a registered issuer for credentials of a role whose trust policy
 * accepts the token. IAM roles for service accounts (IRSA) depend on this call, so every failure returns the same error
 * as STS.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
import type { OidcProvider, Role } from '../iam/model.ts';
import { evaluateTrust } from '../../../../src/policy/evaluate.ts';
import type { RequestContext } from '../../../../src/policy/model.ts';
import { unsignedAction } from '../wire/query-service.ts';
import type { ServiceRequest } from '../wire/service.ts';
import { AwsError } from '../wire/service.ts';
import { shape, text } from '../wire/shape.ts';
import type { StsAction, StsEnv } from './env.ts';
import { issueSession, readSessionPolicies, roleNameOf, sessionDuration, sessionFields } from './session.ts';
import type { Claims } from './token-verifier.ts';

export const assumeRoleWithWebIdentity: StsAction = unsignedAction({
  name: 'AssumeRoleWithWebIdentity',
  access: 'read',
  secrets: ['WebIdentityToken'],
  input: shape({ ...sessionFields, WebIdentityToken: text({ min: 4, max: 20_000 }) }),
  resource: (input) => input.RoleArn,
  run: async (input, env: StsEnv, { request }) => {
    const roleName = roleNameOf(input.RoleArn);
    const claims = readClaims(input.WebIdentityToken, env);
    const at = env.faults.authorisesAsOf(request.now);
    const provider = providerOf(claims, input.RoleArn, env, at);
    const audience = audienceOf(claims, provider);
    await verifyToken(input.WebIdentityToken, claims, request, env);

    // Looks up the role after the keys have been fetched, so that the current state of the role decides.
    const role = env.state.role(roleName, at);
    const context = identityContext(claims, audience, provider);
    if (role?.arn !== input.RoleArn || !isTrusted(role, provider, input.RoleSessionName, context, request)) {
      throw new AwsError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 403);
    }
    const durationSeconds = sessionDuration(input, role, { chained: false });
    const policies = readSessionPolicies(input, {}, env);
    const sessionName = input.RoleSessionName;
    const issued = issueSession(
      { role, sessionName, durationSeconds, policies, tags: {}, context, request },
      env,
    );
    return {
      ...issued,
      SubjectFromWebIdentityToken: claims.subject,
      Provider: provider.arn,
      Audience: audience,
    };
  },
});

const invalidToken = (message: string): AwsError => new AwsError('InvalidIdentityToken', message, 400);

function readClaims(token: string, { tokens }: StsEnv): Claims {
  const read = tokens.read(token);
  if (read.ok) return read.claims;
  switch (read.fault.kind) {
    case 'notJwt':
      throw invalidToken(
        'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
      );
    case 'missingClaim':
      throw invalidToken(`Missing a required claim: ${read.fault.claim}`);
    case 'malformedClaim':
      throw invalidToken(`The claim ${read.fault.claim} is not valid`);
  }
}

/** Finds the provider for the token's issuer in the role's account. */
function providerOf(claims: Claims, roleArn: string, { state }: StsEnv, at: number): OidcProvider {
  const ownAccount = roleArn.startsWith(state.arn('role/'));
  const [, url] = /^https:\/\/(.+)$/.exec(claims.issuer) ?? [];
  const provider =
    ownAccount && url !== undefined ? state.provider(state.arn(`oidc-provider/${url}`), at) : undefined;
  if (!provider) throw invalidToken(`No OpenIDConnect provider found in your account for ${claims.issuer}`);
  return provider;
}

/**
 * Returns the effective audience: the authorized party if the token has one, otherwise the first of the token's
 * audiences that the provider lists.
 */
function audienceOf(claims: Claims, provider: OidcProvider): string {
  const candidates = claims.authorizedParty === undefined ? claims.audiences : [claims.authorizedParty];
  const audience = candidates.find((candidate) => provider.clientIds.includes(candidate));
  if (audience === undefined) throw invalidToken('Incorrect token audience');
  return audience;
}

/**
 * Number of seconds after `exp` during which STS still accepts a token, for clock skew.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html
 */
const expiryLeeway = 300;

async function verifyToken(
  token: string,
  claims: Claims,
  request: ServiceRequest,
  { tokens }: StsEnv,
): Promise<void> {
  const verification = await tokens.verify(token, claims.issuer, request.now);
  switch (verification) {
    case 'verified':
      break;
    case 'wrongSignature':
      throw invalidToken('The web identity token provided could not be validated');
    case 'noKey':
      // The two consecutive spaces are part of STS's message.
      throw invalidToken(
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
      );
    case 'issuerUnreachable':
      throw new AwsError(
        'IDPCommunicationError',
        `The identity provider ${claims.issuer} could not be reached to verify the token. This is often transient; retry the request.`,
      );
  }
  const now = Math.floor(request.now / 1000);
  if (claims.expiresAt + expiryLeeway <= now) {
    throw new AwsError(
      'ExpiredTokenException',
      `Token expired: current date/time ${now} must be before the expiration date/time ${claims.expiresAt}`,
    );
  }
  if (claims.notBefore !== undefined && claims.notBefore > now) {
    throw invalidToken(
      `Token is not valid yet: current date/time ${now} must not be before ${claims.notBefore}`,
    );
  }
}

/** Returns condition keys such as `PROVIDER:sub`, for the trust policy and later for the policies of the session. */
function identityContext(claims: Claims, audience: string, provider: OidcProvider): RequestContext {
  return {
    [`${provider.url}:sub`]: claims.subject,
    [`${provider.url}:aud`]: audience,
    ...(claims.authorizedParty === undefined ? {} : { [`${provider.url}:oaud`]: claims.audiences }),
    'aws:FederatedProvider': provider.arn,
  };
}

function isTrusted(
  role: Role,
  provider: OidcProvider,
  sessionName: string,
  context: RequestContext,
  request: ServiceRequest,
): boolean {
  const evaluation = evaluateTrust(
    {
      action: 'sts:AssumeRoleWithWebIdentity',
      principal: { type: 'Federated', values: [provider.arn] },
      context: { ...request.context, ...context, 'sts:RoleSessionName': sessionName },
    },
    role.trust.document,
  );
  return evaluation.decision === 'allowed';
}
