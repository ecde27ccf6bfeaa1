/**
 * State of IAM. All writes are methods of this class, so that indexes, history and revision stay consistent. Names are
 * unique regardless of case, so they are stored under lower-case keys.
 */
import { maxStalenessMs } from '../faults/settings.ts';
import type { PolicySource } from '../../../../src/policy/model.ts';
import type { AccessReport } from './access-log.ts';
import { createAccessLog } from './access-log.ts';
import type { History } from './history.ts';
import { createHistory } from './history.ts';
import type { InlinePolicy, InstanceProfile, ManagedPolicy, OidcProvider, Role, User } from './model.ts';
import type { IamQuotas } from './quotas.ts';

/** AWS managed policies, which exist in every account and never change. */
export type AwsManagedPolicies = {
  readonly find: (arn: string) => ManagedPolicy | undefined;
  /** Returns all policies, sorted by name. */
  readonly all: () => readonly ManagedPolicy[];
};

/** Maximum number of last accessed reports that are kept. */
const maxAccessReports = 1000;

/** Reads with `at` (milliseconds since the epoch) return the state at that time (default: now). */
export class IamState {
  readonly partition: string;
  readonly accountId: string;
  readonly quotas: IamQuotas;
  readonly #awsManaged: AwsManagedPolicies;
  readonly #users: ReadonlyMap<string, User>;
  readonly #roles: History<Role> = createHistory(maxStalenessMs);
  readonly #policies: History<ManagedPolicy> = createHistory(maxStalenessMs);
  readonly #providers: History<OidcProvider> = createHistory(maxStalenessMs);
  readonly #instanceProfiles: History<InstanceProfile> = createHistory(maxStalenessMs);
  /** Maps the ARN of each attached policy to the keys of the roles that currently have the policy. */
  readonly #attachments = new Map<string, Set<string>>();
  readonly #boundaries = new Map<string, Set<string>>();
  readonly #lastUsed = new Map<string, { readonly time: number; readonly region: string }>();
  readonly #accessReports = new Map<string, AccessReport>();
  /** Calls that role sessions attempted, keyed by the unique id of the role. */
  readonly accesses = createAccessLog();
  #revision = 0;

  constructor(options: {
    readonly partition: string;
    readonly accountId: string;
    readonly quotas: IamQuotas;
    readonly awsManaged: AwsManagedPolicies;
    readonly users: readonly User[];
  }) {
    this.partition = options.partition;
    this.accountId = options.accountId;
    this.quotas = options.quotas;
    this.#awsManaged = options.awsManaged;
    this.#users = new Map(options.users.map((user) => [user.name.toLowerCase(), user]));
  }

  /** Number that increases with every change of the state. */
  get revision(): number {
    return this.#revision;
  }

  arn(resource: string): string {
    return `arn:${this.partition}:iam::${this.accountId}:${resource}`;
  }

  // Users

  user(name: string): User | undefined {
    return this.#users.get(name.toLowerCase());
  }

  users(): readonly User[] {
    return [...this.#users.values()];
  }

  // Roles

  role(name: string, at?: number): Role | undefined {
    return this.#roles.get(name.toLowerCase(), at);
  }

  /** Yields the roles sorted by lower-case name, starting after the name `after`. */
  roles(at?: number, after?: string): IterableIterator<readonly [string, Role]> {
    return this.#roles.entries({ at, after });
  }

  roleCount(): number {
    return this.#roles.size();
  }

  putRole(role: Role, now: number): void {
    const key = role.name.toLowerCase();
    const before = this.#roles.get(key);
    this.#roles.set(key, role, now);
    reindex(this.#attachments, key, before?.attachedPolicies ?? [], role.attachedPolicies);
    reindex(this.#boundaries, key, boundaryOf(before), boundaryOf(role));
    this.#revision += 1;
  }

  deleteRole(role: Role, now: number): void {
    const key = role.name.toLowerCase();
    this.#roles.delete(key, now);
    this.#lastUsed.delete(role.id);
    this.accesses.forget(role.id);
    reindex(this.#attachments, key, role.attachedPolicies, []);
    reindex(this.#boundaries, key, boundaryOf(role), []);
    this.#revision += 1;
  }

  /**
   * Records the last use of the role. The revision does not increase, because a use is not a change by the caller: AWS
   * itself writes the last use, with a delay.
   */
  markUsed(role: Role, region: string, now: number): void {
    this.#lastUsed.set(role.id, { time: now, region });
  }

  lastUsed(role: Role): { readonly time: number; readonly region: string } | undefined {
    return this.#lastUsed.get(role.id);
  }

  // Reports of last accessed information. A new report does not count as a change of IAM's state.

  putAccessReport(report: AccessReport): void {
    this.#accessReports.set(report.id, report);
    const [oldest] = this.#accessReports.keys();
    if (this.#accessReports.size > maxAccessReports && oldest !== undefined)
      this.#accessReports.delete(oldest);
  }

  accessReport(id: string): AccessReport | undefined {
    return this.#accessReports.get(id);
  }

  // Managed policies

  /** Returns an AWS managed or customer managed policy by ARN. */
  policy(arn: string, at?: number): ManagedPolicy | undefined {
    const found = this.#policies.get(nameOfArn(arn).toLowerCase(), at);
    return found?.arn === arn ? found : this.#awsManaged.find(arn);
  }

  customerPolicyNamed(name: string): ManagedPolicy | undefined {
    return this.#policies.get(name.toLowerCase());
  }

  customerPolicies(at?: number, after?: string): IterableIterator<readonly [string, ManagedPolicy]> {
    return this.#policies.entries({ at, after });
  }

  customerPolicyCount(): number {
    return this.#policies.size();
  }

  awsPolicies(): readonly ManagedPolicy[] {
    return this.#awsManaged.all();
  }

  putPolicy(policy: ManagedPolicy, now: number): void {
    this.#policies.set(policy.name.toLowerCase(), policy, now);
    this.#revision += 1;
  }

  deletePolicy(policy: ManagedPolicy, now: number): void {
    this.#policies.delete(policy.name.toLowerCase(), now);
    this.#revision += 1;
  }

  /** Roles that currently have the policy attached, sorted by name. */
  attachedTo(policyArn: string): readonly Role[] {
    return this.#rolesOf(this.#attachments.get(policyArn));
  }

  /** Roles that currently have the policy as their permissions boundary, sorted by name. */
  boundaryOf(policyArn: string): readonly Role[] {
    return this.#rolesOf(this.#boundaries.get(policyArn));
  }

  attachmentCount(policyArn: string): number {
    return this.#attachments.get(policyArn)?.size ?? 0;
  }

  boundaryCount(policyArn: string): number {
    return this.#boundaries.get(policyArn)?.size ?? 0;
  }

  /** ARNs of the managed policies that are currently attached to a role. */
  attachedPolicyArns(): readonly string[] {
    return [...this.#attachments.keys()];
  }

  // OIDC providers. Lists are sorted by ARN.

  provider(arn: string, at?: number): OidcProvider | undefined {
    return this.#providers.get(arn, at);
  }

  providers(at?: number): IterableIterator<readonly [string, OidcProvider]> {
    return this.#providers.entries({ at });
  }

  providerCount(): number {
    return this.#providers.size();
  }

  putProvider(provider: OidcProvider, now: number): void {
    this.#providers.set(provider.arn, provider, now);
    this.#revision += 1;
  }

  deleteProvider(provider: OidcProvider, now: number): void {
    this.#providers.delete(provider.arn, now);
    this.#revision += 1;
  }

  // Instance profiles

  instanceProfile(name: string, at?: number): InstanceProfile | undefined {
    return this.#instanceProfiles.get(name.toLowerCase(), at);
  }

  instanceProfiles(at?: number, after?: string): IterableIterator<readonly [string, InstanceProfile]> {
    return this.#instanceProfiles.entries({ at, after });
  }

  instanceProfileCount(): number {
    return this.#instanceProfiles.size();
  }

  putInstanceProfile(profile: InstanceProfile, now: number): void {
    this.#instanceProfiles.set(profile.name.toLowerCase(), profile, now);
    this.#revision += 1;
  }

  deleteInstanceProfile(profile: InstanceProfile, now: number): void {
    this.#instanceProfiles.delete(profile.name.toLowerCase(), now);
    this.#revision += 1;
  }

  // Policies for authorization decisions

  /** Returns the permission policies of a role or user: managed policies by ARN, inline policies by name. */
  permissionPolicies(
    identity: {
      readonly inlinePolicies: readonly InlinePolicy[];
      readonly attachedPolicies?: readonly string[];
    },
    at?: number,
  ): readonly PolicySource[] {
    return [
      ...this.managedSources(identity.attachedPolicies ?? [], at),
      ...identity.inlinePolicies.map(({ name, policy }) => ({ id: name, document: policy.document })),
    ];
  }

  /** Returns the default versions of managed policies; ARNs of deleted policies are omitted. */
  managedSources(arns: readonly string[], at?: number): readonly PolicySource[] {
    return arns.flatMap((arn) => {
      const policy = this.policy(arn, at);
      const document = policy && defaultVersion(policy).policy.document;
      return document ? [{ id: arn, document }] : [];
    });
  }

  #rolesOf(keys: ReadonlySet<string> | undefined): readonly Role[] {
    return [...(keys ?? [])].sort().flatMap((key) => this.#roles.get(key) ?? []);
  }
}

export function defaultVersion(policy: ManagedPolicy): ManagedPolicy['versions'][number] {
  const found = policy.versions.find((version) => version.id === policy.defaultVersionId);
  if (!found) throw new Error(`${policy.arn} has no version ${policy.defaultVersionId}`);
  return found;
}

const nameOfArn = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);

const boundaryOf = (role: Role | undefined): readonly string[] =>
  role?.boundaryArn === undefined ? [] : [role.boundaryArn];

function reindex(
  index: Map<string, Set<string>>,
  key: string,
  before: readonly string[],
  after: readonly string[],
): void {
  for (const arn of before) {
    if (after.includes(arn)) continue;
    const keys = index.get(arn);
    keys?.delete(key);
    if (keys?.size === 0) index.delete(arn);
  }
  for (const arn of after) {
    const keys = index.get(arn);
    if (keys) keys.add(key);
    else index.set(arn, new Set([key]));
  }
}
