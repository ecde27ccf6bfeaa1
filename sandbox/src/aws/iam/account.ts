/** Actions on the AWS account as a whole: GetAccountAuthorizationDetails, with pages, and GetAccountSummary. */
import { list, oneOf, shape } from '../wire/shape.ts';
import type { XmlValue } from '../wire/xml.ts';
import type { IamAction } from './env.ts';
import { iamAction } from './env.ts';
import * as fields from './fields.ts';
import type { InstanceProfile } from './model.ts';
import { pageOf } from './paging.ts';
import { policyDetail, roleDetail, userDetail } from './render.ts';
import type { IamState } from './state.ts';

const entityTypes = ['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy'] as const;
type EntityType = (typeof entityTypes)[number];

type Detail = {
  readonly list: 'UserDetailList' | 'RoleDetailList' | 'Policies';
  readonly render: () => XmlValue;
};

const getAccountAuthorizationDetails = iamAction({
  name: 'GetAccountAuthorizationDetails',
  access: 'read',
  input: shape({ Filter: list(oneOf(entityTypes), { max: 5 }), ...fields.paging }),
  subject: () => ({ arn: '*' }),
  run: (input, { state, at }) => {
    const wanted = new Set<EntityType>(input.Filter.length > 0 ? input.Filter : entityTypes);
    const page = pageOf(input, (after) => detailsInOrder(wanted, state, at, after));
    const listed = (name: Detail['list']): readonly XmlValue[] =>
      page.items.filter((detail) => detail.list === name).map((detail) => detail.render());
    return {
      UserDetailList: listed('UserDetailList'),
      GroupDetailList: [],
      RoleDetailList: listed('RoleDetailList'),
      Policies: listed('Policies'),
      ...page.end,
    };
  },
});

/**
 * Yields the account's details in the order of their keys. A key has the form `KIND name`. The marker `after` is the
 * key of the last item on the previous page, so this page starts after that item and skips the kinds before it.
 */
function* detailsInOrder(
  wanted: ReadonlySet<EntityType>,
  state: IamState,
  at: number,
  after: string | undefined,
): Generator<readonly [string, Detail]> {
  const [kind = '', name = ''] = after === undefined ? [] : [after.slice(0, 1), after.slice(2)];
  const from = (own: string): string | undefined => (own === kind ? name : undefined);
  if (wanted.has('User') && kind <= '1') {
    for (const user of state.users()) {
      const key = `1 ${user.name.toLowerCase()}`;
      if (after === undefined || key > after)
        yield [key, { list: 'UserDetailList', render: () => userDetail(user) }];
    }
  }
  if (wanted.has('Role') && kind <= '2') {
    const profiles = profilesByRole(state, at);
    for (const [key, role] of state.roles(at, from('2'))) {
      const render = (): XmlValue => roleDetail(role, state, profiles.get(role.name) ?? []);
      yield [`2 ${key}`, { list: 'RoleDetailList', render }];
    }
  }
  if (wanted.has('LocalManagedPolicy') && kind <= '3') {
    for (const [key, policy] of state.customerPolicies(at, from('3'))) {
      yield [`3 ${key}`, { list: 'Policies', render: () => policyDetail(policy, state) }];
    }
  }
  if (wanted.has('AWSManagedPolicy') && kind <= '4') {
    // Only attached AWS managed policies are listed: the details of an account do not contain the whole catalogue.
    for (const arn of state.attachedPolicyArns().toSorted()) {
      const policy = state.policy(arn);
      const key = `4 ${arn}`;
      if (policy?.owner === 'aws' && (kind !== '4' || key > (after ?? ''))) {
        yield [key, { list: 'Policies', render: () => policyDetail(policy, state) }];
      }
    }
  }
}

function profilesByRole(state: IamState, at: number): ReadonlyMap<string, readonly InstanceProfile[]> {
  const byRole = new Map<string, InstanceProfile[]>();
  for (const [, profile] of state.instanceProfiles(at)) {
    if (profile.roleName === undefined) continue;
    byRole.set(profile.roleName, [...(byRole.get(profile.roleName) ?? []), profile]);
  }
  return byRole;
}

const getAccountSummary = iamAction({
  name: 'GetAccountSummary',
  access: 'read',
  input: {},
  subject: () => ({ arn: '*' }),
  run: (_input, { state }) => ({ SummaryMap: new Map(Object.entries(accountFigures(state))) }),
});

/** Returns the figures of GetAccountSummary, with AWS's quotas for resources that the emulator does not have. */
export function accountFigures(state: IamState): Readonly<Record<string, number>> {
  const { quotas } = state;
  let versions = 0;
  for (const [, policy] of state.customerPolicies()) versions += policy.versions.length;
  return {
    AccountAccessKeysPresent: 0,
    AccountMFAEnabled: 1,
    AccountSigningCertificatesPresent: 0,
    AssumeRolePolicySizeQuota: quotas.assumeRolePolicySize,
    AttachedPoliciesPerGroupQuota: 10,
    AttachedPoliciesPerRoleQuota: quotas.attachedPoliciesPerRole,
    AttachedPoliciesPerUserQuota: 10,
    GlobalEndpointTokenVersion: 1,
    GroupPolicySizeQuota: 5120,
    Groups: 0,
    GroupsPerUserQuota: 10,
    GroupsQuota: 300,
    InstanceProfiles: state.instanceProfileCount(),
    InstanceProfilesQuota: quotas.instanceProfiles,
    MFADevices: 0,
    MFADevicesInUse: 0,
    Policies: state.customerPolicyCount(),
    PoliciesQuota: quotas.customerManagedPolicies,
    PolicySizeQuota: quotas.policySize,
    PolicyVersionsInUse: versions,
    PolicyVersionsInUseQuota: 10_000,
    Providers: state.providerCount(),
    RolePolicySizeQuota: quotas.rolePolicySize,
    Roles: state.roleCount(),
    RolesQuota: quotas.roles,
    ServerCertificates: 0,
    ServerCertificatesQuota: 20,
    UserPolicySizeQuota: 2048,
    Users: state.users().length,
    UsersQuota: 5000,
    VersionsPerPolicyQuota: quotas.versionsPerPolicy,
  };
}

export const accountActions: readonly IamAction[] = [getAccountAuthorizationDetails, getAccountSummary];
