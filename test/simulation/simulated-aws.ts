/**
 * IAM, STS and EKS behind the commands of the AWS SDK, so that the operator's own adapters, scheduler and error
 * classification run in simulations too. Names, attachments and trust policies are checked strictly. To model eventual
 * consistency, reads may return an earlier state, and STS may not know yet what IAM knows.
 */
import {
  inlinePolicyName,
  podDenialName,
  withoutTags,
  withTags,
  type ObservedRole,
} from '../../src/identity/index.ts';
import { awsError } from './aws-error.ts';
import { createSimulatedEks, type SimulatedEks } from './simulated-eks.ts';
import { after, type Monotonic } from '../../src/k8s/time.ts';

export type RoleChange = {
  readonly action: string;
  readonly name: string;
  readonly before: ObservedRole | undefined;
  readonly after: ObservedRole | undefined;
  /** The account on whose behalf the operator made the call; undefined for other callers. */
  readonly by: string | undefined;
  readonly at: number;
};

export type SimulatedAws = {
  readonly roles: ReadonlyMap<string, ObservedRole>;
  readonly eks: SimulatedEks;
  /** Current credentials of the operator. A renewal changes the access key. */
  credentials: { readonly accessKeyId: string; readonly accountId: string };
  /** Policies that do not exist. Every other ARN exists. */
  readonly missingPolicies: Set<string>;
  /** Time of the last failed lookup of each policy. */
  readonly missedAt: ReadonlyMap<string, number>;
  /** Changes a role out of band; undefined deletes the role. */
  change(name: string, to: (role: ObservedRole | undefined) => ObservedRole | undefined): void;
  /**
   * Executes a call. `owner` is the account on whose behalf the operator makes the call.
   * @throws errors as the SDK throws them
   */
  perform(action: string, input: Readonly<Record<string, unknown>>, owner: string): object;
  /** Registers a synchronous listener for changes to roles. */
  onChange(listener: (change: RoleChange) => void): void;
  /** Registers a listener that is called before the operator changes a role, even if the call then fails. */
  onWrite(listener: (write: { action: string; name: string; input: object; by: string }) => void): void;
  /**
   * Registers a listener that is called when STS has exchanged a token for credentials of a role, with the role as STS knows it.
   */
  onExchange(listener: (exchange: { role: ObservedRole; token: string }) => void): void;
  /** Records a use of the role's credentials at `time`, in milliseconds. IAM may record a use hours later. */
  recordUse(name: string, time: number): void;
  /** Returns the creation time and the last recorded use of the present role with this name, in milliseconds. */
  useOf(name: string): { readonly created: number; readonly used?: number } | undefined;
  /** Age of the state that a read returns, in milliseconds. */
  readLagMs: () => number;
  /** Delay until STS knows of a change, in milliseconds. */
  trustLagMs: () => number;
  /** Client IDs of the IAM OIDC provider. */
  clientIds: readonly string[];
};

export const accountId = '123456789012';
export const policiesPerRole = 10;

type Input = Readonly<Record<string, unknown>>;

export function createSimulatedAws(now: () => Monotonic): SimulatedAws {
  const roles = new Map<string, ObservedRole>();
  const history = new Map<string, { readonly since: number; readonly role: ObservedRole | undefined }[]>();
  const missingPolicies = new Set<string>();
  const missedAt = new Map<string, number>();
  const listeners: ((change: RoleChange) => void)[] = [];
  const writeListeners: ((write: { action: string; name: string; input: object; by: string }) => void)[] = [];
  const exchangeListeners: ((exchange: { role: ObservedRole; token: string }) => void)[] = [];
  let ids = 0;
  /**
   * Creation and recorded uses of each role, by id. `time` is the time of the use; `since` is the time from which IAM
   * reports it.
   */
  const uses = new Map<
    string,
    { readonly created: number; readonly used: { since: number; time: number }[] }
  >();
  const useAt = (id: string, at: number): { readonly created: number; readonly used?: number } => {
    const { created = at, used = [] } = uses.get(id) ?? {};
    const last = used.findLast(({ since }) => since <= at);
    return { created, ...(last ? { used: last.time } : {}) };
  };
  const described = (role: ObservedRole, at: number): object => {
    const { created, used } = useAt(role.id, at);
    return {
      ...partsOf(role),
      CreateDate: new Date(created),
      RoleLastUsed: used === undefined ? {} : { LastUsedDate: new Date(used) },
    };
  };

  const commit = (name: string, after: ObservedRole | undefined, action: string, by?: string): void => {
    const before = roles.get(name);
    if (before === after) return;
    if (after && !uses.has(after.id)) uses.set(after.id, { created: now(), used: [] });
    if (after) roles.set(name, after);
    else roles.delete(name);
    const versions = history.get(name) ?? [];
    versions.push({ since: now(), role: after });
    history.set(name, versions);
    for (const listener of listeners) listener({ action, name, before, after, by, at: now() });
  };
  const roleAt = (name: string, at: number): ObservedRole | undefined =>
    at >= now() ? roles.get(name) : history.get(name)?.findLast(({ since }) => since <= at)?.role;
  const eks = createSimulatedEks({
    role(arn) {
      const role = roleAt(arn.slice(arn.lastIndexOf('/') + 1), now() - server.trustLagMs());
      return role?.arn === arn ? role : undefined;
    },
  });
  const text = (input: Input, key: string): string => {
    const value = input[key];
    if (typeof value !== 'string') throw awsError('ValidationError', `${key} is missing`);
    return value;
  };
  const existing = (name: string, at = now()): ObservedRole => {
    const role = roleAt(name, at);
    if (!role) throw awsError('NoSuchEntityException', `The role with name ${name} cannot be found.`);
    return role;
  };
  const change = (
    action: string,
    input: Input,
    by: string,
    to: (role: ObservedRole) => ObservedRole,
  ): object => {
    const name = text(input, 'RoleName');
    const before = existing(name);
    const after = to(before);
    if (JSON.stringify(after) !== JSON.stringify(before)) commit(name, after, action, by);
    return {};
  };

  const reads: Readonly<Record<string, (input: Input) => object>> = {
    GetRole(input) {
      const at = after(now(), -server.readLagMs());
      const role = existing(text(input, 'RoleName'), at);
      const { permissionsBoundaryArn } = role;
      return {
        Role: {
          ...described(role, at),
          MaxSessionDuration: role.maxSessionDuration,
          Description: role.description,
          ...(permissionsBoundaryArn === undefined
            ? {}
            : { PermissionsBoundary: { PermissionsBoundaryArn: permissionsBoundaryArn } }),
        },
      };
    },
    ListAttachedRolePolicies(input) {
      const role = existing(text(input, 'RoleName'), after(now(), -server.readLagMs()));
      return { AttachedPolicies: attachments(role), IsTruncated: false };
    },
    ListRolePolicies(input) {
      const role = existing(text(input, 'RoleName'), after(now(), -server.readLagMs()));
      return { PolicyNames: [...role.inlinePolicyNames], IsTruncated: false };
    },
    GetRolePolicy(input) {
      const role = existing(text(input, 'RoleName'), after(now(), -server.readLagMs()));
      const document = documentOf(role, text(input, 'PolicyName'));
      if (document === undefined) throw awsError('NoSuchEntityException', 'The role policy cannot be found.');
      return { PolicyDocument: encoded(document) };
    },
    GetAccountAuthorizationDetails() {
      const at = after(now(), -server.readLagMs());
      const all = [...history.keys()].flatMap((name) => roleAt(name, at) ?? []);
      return {
        RoleDetailList: all.map((role) => ({
          ...described(role, at),
          AttachedManagedPolicies: attachments(role),
          RolePolicyList: role.inlinePolicyNames.map((PolicyName) => {
            const document = documentOf(role, PolicyName);
            return { PolicyName, ...(document === undefined ? {} : { PolicyDocument: encoded(document) }) };
          }),
          ...(role.permissionsBoundaryArn === undefined
            ? {}
            : { PermissionsBoundary: { PermissionsBoundaryArn: role.permissionsBoundaryArn } }),
        })),
        IsTruncated: false,
      };
    },
    GetCallerIdentity() {
      const { accountId: Account } = server.credentials;
      return { Account, Arn: `arn:aws:iam::${Account}:user/operator` };
    },
    GetOpenIDConnectProvider: () => ({ ClientIDList: [...server.clientIds] }),
    GetAccountSummary: () => ({
      SummaryMap: {
        AttachedPoliciesPerRoleQuota: policiesPerRole,
        AssumeRolePolicySizeQuota: 2048,
        RolesQuota: 1000,
        Roles: 0,
      },
    }),
    AssumeRoleWithWebIdentity(input) {
      const arn = text(input, 'RoleArn');
      const name = arn.slice(arn.lastIndexOf('/') + 1);
      const role = roleAt(name, now() - server.trustLagMs());
      if (role?.arn !== arn || !trusts(role.trustPolicy, text(input, 'WebIdentityToken')))
        throw awsError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity');
      for (const listener of exchangeListeners) listener({ role, token: text(input, 'WebIdentityToken') });
      return { AssumedRoleUser: { AssumedRoleId: `${role.id}:${text(input, 'RoleSessionName')}` } };
    },
  };

  const writes: Readonly<Record<string, (input: Input, by: string) => object>> = {
    CreateRole(input, by) {
      const name = text(input, 'RoleName');
      if ([...roles.keys()].some((other) => other.toLowerCase() === name.toLowerCase()))
        throw awsError('EntityAlreadyExistsException', `Role with name ${name} already exists.`);
      const path = text(input, 'Path');
      const boundary = input.PermissionsBoundary as string | undefined;
      if (boundary !== undefined) checkPolicy(boundary);
      const role: ObservedRole = {
        name,
        arn: `arn:aws:iam::${accountId}:role${path}${name}`,
        id: `AROA${(ids += 1)}`,
        path,
        trustPolicy: text(input, 'AssumeRolePolicyDocument'),
        attachedPolicyArns: [],
        inlinePolicyNames: [],
        maxSessionDuration: input.MaxSessionDuration as number,
        description: input.Description as string,
        tags: tagsOf(input.Tags),
        ...(boundary === undefined ? {} : { permissionsBoundaryArn: boundary }),
      };
      commit(name, role, 'CreateRole', by);
      return { Role: { Arn: role.arn, RoleId: role.id, CreateDate: new Date(now()) } };
    },
    DeleteRole(input, by) {
      const role = existing(text(input, 'RoleName'));
      if (role.attachedPolicyArns.length + role.inlinePolicyNames.length > 0)
        throw awsError('DeleteConflictException', 'Cannot delete entity, must detach all policies first.');
      commit(role.name, undefined, 'DeleteRole', by);
      return {};
    },
    UpdateAssumeRolePolicy: (input, by) =>
      change('UpdateAssumeRolePolicy', input, by, (role) => ({
        ...role,
        trustPolicy: text(input, 'PolicyDocument'),
      })),
    AttachRolePolicy(input, by) {
      const arn = text(input, 'PolicyArn');
      return change('AttachRolePolicy', input, by, (role) => {
        checkPolicy(arn);
        if (role.attachedPolicyArns.includes(arn)) return role;
        if (role.attachedPolicyArns.length >= policiesPerRole)
          throw awsError(
            'LimitExceededException',
            `Cannot exceed quota for PoliciesPerRole: ${policiesPerRole}`,
          );
        return { ...role, attachedPolicyArns: [...role.attachedPolicyArns, arn] };
      });
    },
    DetachRolePolicy(input, by) {
      const arn = text(input, 'PolicyArn');
      return change('DetachRolePolicy', input, by, (role) => {
        if (!role.attachedPolicyArns.includes(arn))
          throw awsError('NoSuchEntityException', `Policy ${arn} was not found.`);
        return { ...role, attachedPolicyArns: role.attachedPolicyArns.filter((other) => other !== arn) };
      });
    },
    PutRolePolicy: (input, by) =>
      change('PutRolePolicy', input, by, (role) => {
        // The operator's IAM policy allows this call only for roles with a boundary.
        if (role.permissionsBoundaryArn === undefined)
          throw awsError('AccessDenied', 'not authorized to perform: iam:PutRolePolicy');
        return {
          ...role,
          inlinePolicyNames: [...new Set([...role.inlinePolicyNames, text(input, 'PolicyName')])],
          [text(input, 'PolicyName') === podDenialName ? 'podDenial' : 'inlinePolicy']: text(
            input,
            'PolicyDocument',
          ),
        };
      }),
    DeleteRolePolicy: (input, by) =>
      change('DeleteRolePolicy', input, by, ({ inlinePolicy, podDenial, ...role }) => ({
        ...role,
        inlinePolicyNames: role.inlinePolicyNames.filter((other) => other !== input.PolicyName),
        ...(input.PolicyName === inlinePolicyName || inlinePolicy === undefined ? {} : { inlinePolicy }),
        ...(input.PolicyName === podDenialName || podDenial === undefined ? {} : { podDenial }),
      })),
    PutRolePermissionsBoundary(input, by) {
      const arn = text(input, 'PermissionsBoundary');
      checkPolicy(arn);
      return change('PutRolePermissionsBoundary', input, by, (role) => ({
        ...role,
        permissionsBoundaryArn: arn,
      }));
    },
    DeleteRolePermissionsBoundary: (input, by) =>
      change('DeleteRolePermissionsBoundary', input, by, ({ permissionsBoundaryArn: _, ...role }) => role),
    UpdateRole: (input, by) =>
      change('UpdateRole', input, by, (role) => ({
        ...role,
        ...(input.MaxSessionDuration === undefined
          ? {}
          : { maxSessionDuration: input.MaxSessionDuration as number }),
        ...(input.Description === undefined ? {} : { description: input.Description as string }),
      })),
    TagRole: (input, by) =>
      change('TagRole', input, by, (role) => ({ ...role, tags: withTags(role.tags, tagsOf(input.Tags)) })),
    UntagRole: (input, by) =>
      change('UntagRole', input, by, (role) => ({
        ...role,
        tags: withoutTags(role.tags, input.TagKeys as string[]),
      })),
  };

  const checkPolicy = (arn: string): void => {
    if (!missingPolicies.has(arn)) return;
    missedAt.set(arn, now());
    throw awsError('NoSuchEntityException', `Policy ${arn} does not exist or is not attachable.`);
  };

  const server: SimulatedAws = {
    roles,
    eks,
    credentials: { accessKeyId: 'ASIAOPERATOR', accountId },
    missingPolicies,
    missedAt,
    change: (name, to) => commit(name, to(roles.get(name)), 'changed by others'),
    perform(action, input, owner) {
      const read = reads[action];
      if (read) return read(input);
      const ofEks = eks.perform(action, input, owner);
      if (ofEks) return ofEks;
      const write = writes[action];
      if (!write) throw new TypeError(`the model knows no ${action}`);
      for (const listener of writeListeners)
        listener({ action, name: text(input, 'RoleName'), input, by: owner });
      return write(input, owner);
    },
    onChange: (listener) => void listeners.push(listener),
    onWrite: (listener) => void writeListeners.push(listener),
    onExchange: (listener) => void exchangeListeners.push(listener),
    recordUse(name, time) {
      const { id } = existing(name);
      uses.get(id)?.used.push({ since: now(), time });
    },
    useOf(name) {
      const role = roles.get(name);
      return role && useAt(role.id, now());
    },
    readLagMs: () => 0,
    trustLagMs: () => 0,
    clientIds: ['sts.amazonaws.com'],
  };
  return server;
}

export function isAwsRead(action: string): boolean {
  return /^(Get|List|Describe|AssumeRole)/.test(action);
}

type Claims = { readonly sub: string; readonly iss: string; readonly aud: readonly string[] };

export function claimsOf(token: string): Claims {
  return JSON.parse(atob(token.split('.')[1] ?? '')) as Claims;
}

/** Whether the trust policy allows the bearer of the token to assume the role. */
export function trusts(document: string, token: string): boolean {
  const { sub, iss, aud } = claimsOf(token);
  const { Statement: statements } = JSON.parse(document) as {
    Statement: { Effect: string; Condition?: { StringEquals?: Record<string, string | string[]> } }[];
  };
  const host = iss.replace('https://', '');
  return statements.some(({ Effect, Condition }) => {
    const listed = (claim: string): readonly string[] =>
      [Condition?.StringEquals?.[`${host}:${claim}`] ?? []].flat();
    return (
      Effect === 'Allow' && listed('sub').includes(sub) && listed('aud').some((one) => aud.includes(one))
    );
  });
}

/** Cache of encoded documents, because many roles have equal documents. */
const encodings = new Map<string, string>();
const mostEncodings = 256;

function encoded(document: string): string {
  const known = encodings.get(document);
  if (known !== undefined) return known;
  const text = encodeURIComponent(document);
  if (encodings.size >= mostEncodings) encodings.clear();
  encodings.set(document, text);
  return text;
}

function partsOf(role: ObservedRole): object {
  return {
    RoleName: role.name,
    Arn: role.arn,
    RoleId: role.id,
    Path: role.path,
    AssumeRolePolicyDocument: encoded(role.trustPolicy),
    Tags: Object.entries(role.tags).map(([Key, Value]) => ({ Key, Value })),
  };
}

function attachments(role: ObservedRole): readonly object[] {
  return role.attachedPolicyArns.map((PolicyArn) => ({ PolicyArn }));
}

function tagsOf(tags: unknown): Record<string, string> {
  return Object.fromEntries(
    ((tags ?? []) as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]),
  );
}

/** Returns the text of one of the operator's inline policies; undefined if the role has no policy with this name. */
function documentOf({ inlinePolicy, podDenial }: ObservedRole, policyName: string): string | undefined {
  if (policyName === podDenialName) return podDenial;
  return policyName === inlinePolicyName ? inlinePolicy : undefined;
}
