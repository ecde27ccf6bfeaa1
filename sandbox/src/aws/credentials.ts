/**
 * Access keys: the keys of users, which are configured at the start, and the keys that STS issues. Permissions are not
 * stored with a key but evaluated for every call, so a change to a role's policies affects existing sessions.
 */
import type { Identifiers } from './identifiers.ts';
import type { PolicyText, Role, User } from './iam/model.ts';
import type { IamState } from './iam/state.ts';
import type { PolicySource, RequestContext } from '../../../src/policy/model.ts';
import type { Caller } from './wire/service.ts';

export type UserCredential = {
  readonly kind: 'user';
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly user: User;
};

type SessionGrant = {
  readonly role: Role;
  readonly sessionName: string;
  /** Time of issue, in milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Session policies passed in the call that created the session; undefined if there were none. */
  readonly inlinePolicy: PolicyText | undefined;
  readonly policyArns: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  /** Condition keys that belong to the session: claims of a web identity, and the source identity. */
  readonly context: RequestContext;
};

type SessionCredential = SessionGrant & {
  readonly kind: 'session';
  /** `ASIA…` */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
};

export type Credential = UserCredential | SessionCredential;

export type CredentialStore = {
  readonly find: (accessKeyId: string) => Credential | undefined;
  readonly issue: (grant: SessionGrant) => SessionCredential;
  /** Number of stored sessions, including expired ones. */
  readonly sessions: () => number;
};

export function createCredentialStore(
  users: readonly UserCredential[],
  identifiers: Identifiers,
): CredentialStore {
  const credentials = new Map<string, Credential>(users.map((user) => [user.accessKeyId, user]));
  let issued = 0;
  const forgetExpired = (now: number): void => {
    // Expired sessions are kept for a day, so that their callers get ExpiredToken instead of the error for an unknown
    // key.
    const horizon = now - 86_400_000;
    for (const [key, credential] of credentials) {
      if (credential.kind === 'session' && credential.expiresAt < horizon) credentials.delete(key);
    }
  };
  return {
    find: (accessKeyId) => credentials.get(accessKeyId),
    issue: (grant) => {
      issued += 1;
      if (issued % 1000 === 0) forgetExpired(grant.issuedAt);
      const credential: SessionCredential = {
        ...grant,
        kind: 'session',
        accessKeyId: identifiers.uniqueId('ASIA'),
        secretAccessKey: identifiers.secretAccessKey(),
        sessionToken: identifiers.sessionToken(),
      };
      credentials.set(credential.accessKeyId, credential);
      return credential;
    },
    sessions: () => credentials.size - users.length,
  };
}

/** Returns the caller that signs with this credential, with the policies as of `at`. */
export function callerOf(credential: Credential, state: IamState, at: number): Caller {
  return credential.kind === 'user' ? userCaller(credential, state) : sessionCaller(credential, state, at);
}

function userCaller({ user }: UserCredential, state: IamState): Caller {
  return {
    kind: 'user',
    principalArn: user.arn,
    identityArn: user.arn,
    userId: user.id,
    accountId: state.accountId,
    policies: state.permissionPolicies(user),
    context: {
      'aws:PrincipalArn': user.arn,
      'aws:PrincipalAccount': state.accountId,
      'aws:PrincipalType': 'User',
      'aws:userid': user.id,
      'aws:username': user.name,
    },
  };
}

function sessionCaller(session: SessionCredential, state: IamState, at: number): Caller {
  const { role: grantedBy, sessionName } = session;
  // A recreated role is a different role, even under the same name.
  const current = state.role(grantedBy.name, at);
  const role = current?.id === grantedBy.id ? current : undefined;
  const userId = `${grantedBy.id}:${sessionName}`;
  return {
    kind: 'assumedRole',
    principalArn: assumedRoleArn(grantedBy, sessionName, state),
    identityArn: grantedBy.arn,
    userId,
    accountId: state.accountId,
    orphaned: role === undefined,
    policies: role ? state.permissionPolicies(role, at) : [],
    boundary: role?.boundaryArn === undefined ? undefined : state.managedSources([role.boundaryArn], at),
    sessionPolicies: sessionPolicies(session, state, at),
    sessionTags: session.tags,
    context: {
      ...session.context,
      ...principalTags(role, session),
      'aws:PrincipalArn': grantedBy.arn,
      'aws:PrincipalAccount': state.accountId,
      'aws:PrincipalType': 'AssumedRole',
      'aws:userid': userId,
      'aws:TokenIssueTime': new Date(session.issuedAt).toISOString(),
      // Set only for temporary credentials, as on AWS. The value is always false, because the emulator has no MFA.
      'aws:MultiFactorAuthPresent': 'false',
    },
  };
}

export const assumedRoleArn = (role: Role, sessionName: string, state: IamState): string =>
  `arn:${state.partition}:sts::${state.accountId}:assumed-role/${role.name}/${sessionName}`;

function sessionPolicies(
  session: SessionCredential,
  state: IamState,
  at: number,
): readonly PolicySource[] | undefined {
  if (session.inlinePolicy === undefined && session.policyArns.length === 0) return undefined;
  const inline = session.inlinePolicy && { id: 'session', document: session.inlinePolicy.document };
  return [...(inline ? [inline] : []), ...state.managedSources(session.policyArns, at)];
}

/** Merges the tags of role and session: a session tag overrides the role's tag with the same key, ignoring case. */
function principalTags(role: Role | undefined, session: SessionCredential): RequestContext {
  const byKey = new Map<string, readonly [string, string]>();
  for (const { Key, Value } of role?.tags ?? []) byKey.set(Key.toLowerCase(), [Key, Value]);
  for (const tag of Object.entries(session.tags)) byKey.set(tag[0].toLowerCase(), tag);
  return Object.fromEntries(Array.from(byKey.values(), ([key, value]) => [`aws:PrincipalTag/${key}`, value]));
}
