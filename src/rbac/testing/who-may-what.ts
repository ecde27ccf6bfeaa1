/**
 * The table of rights. Its columns are users with the shipped roles, users with rights that look harmless, and an
 * attacker who has stolen the operator's token. Its rows are the requests that they might try. The tables of
 * docs/guides/security.md are generated from it, and test/integration/access/people.test.ts tries each cell on a real
 * API server and on the AWS emulator.
 */
import type { rights } from '../account-admission.ts';

export const people = {
  nobody: { title: 'no role', has: 'an authenticated user without any role' },
  view: { title: 'view', has: '`konstellation-view`' },
  edit: { title: 'edit', has: '`konstellation-edit`' },
  grant: { title: 'edit, grant', has: '`konstellation-edit` and `konstellation-grant`' },
  deploy: { title: 'edit, deploy', has: '`konstellation-edit` and `konstellation-deploy`' },
  respond: { title: 'respond', has: '`konstellation-respond`' },
  release: { title: 'release', has: '`konstellation-release`' },
  namespace: { title: 'namespace edit', has: "Kubernetes' own `edit` in the target `production`" },
  config: { title: 'patch config', has: '`patch` on `clusterconfigs`' },
  status: { title: 'patch status', has: '`patch` on the status of accounts, apps and ClusterConfigs' },
  operator: { title: 'operator', has: "the token of the operator's ServiceAccount" },
} as const satisfies Readonly<Record<string, { readonly title: string; readonly has: string }>>;
export type Person = keyof typeof people;

type Verb = keyof typeof rights;
/**
 * - `yes`: allowed
 * - `no`: refused by RBAC, or (for the operator) by its admission policies
 * - verbs: refused by admission, whose message names one of them as the missing right
 * - `consent`: refused because the annotation `k11n.dev/abandon` is missing
 * - `never`: refused to all users
 */
export type Cell = 'yes' | 'no' | 'consent' | 'never' | readonly Verb[];
export type Attempt = {
  readonly does: string;
  /** Result for each user. Default: `no`. */
  readonly cells: Partial<Readonly<Record<Person, Cell>>>;
};

/** Sets the table cell of each user who has the rights of `konstellation-edit` to `cell`. */
const writers = (cell: Cell, beside: Attempt['cells'] = {}): Attempt['cells'] => ({
  edit: cell,
  grant: cell,
  deploy: cell,
  ...beside,
});
/**
 * Table cells of an attempt that needs the rights `verbs`. Of the users who can write accounts, only those with
 * `konstellation-grant` have these rights.
 */
const grants = (...verbs: readonly Verb[]): Attempt['cells'] => writers(verbs, { grant: 'yes' });

export const attempts = {
  readAccounts: {
    does: 'read accounts',
    cells: writers('yes', { view: 'yes', respond: 'yes', release: 'yes', operator: 'yes' }),
  },
  createAccount: { does: 'create an account with a policy', cells: grants('attach', 'link') },
  attach: { does: 'add a policy to an account', cells: grants('attach', 'link') },
  link: { does: 'add a target to an account', cells: grants('attach', 'link') },
  grantActions: { does: 'add a statement to an account', cells: grants('grant', 'link') },
  removeStatement: { does: 'remove a statement from an account', cells: writers('yes') },
  removePolicy: { does: 'remove a policy from an account', cells: writers('yes') },
  removeBoundary: { does: "remove an account's boundary", cells: grants('bound') },
  tag: { does: "change a tag of an account's role", cells: grants('tag') },
  adopt: { does: 'make an account adopt a role', cells: grants('claim') },
  extend: { does: 'lengthen the sessions of an account', cells: grants('extend') },
  switchMode: { does: 'change the identity mode of an account', cells: grants('link') },
  retain: { does: 'keep the role after the account is deleted (`Retain`)', cells: grants('claim') },
  nameDefault: { does: 'create an account named `default`', cells: writers('never') },
  reown: {
    does: 'set owner references on an account, so that the garbage collector deletes the account',
    cells: writers('yes'),
  },
  deleteAccount: { does: 'delete an account and its role', cells: writers('yes') },
  quarantine: { does: 'cut an account off by a `Quarantine`', cells: { respond: 'yes' } },
  quarantineAsOther: {
    does: 'cut an account off by a `Quarantine` in the name of another user',
    cells: { respond: 'never' },
  },
  release: { does: 'release an account from its quarantine', cells: { release: 'yes' } },
  stripFinalizer: {
    does: "remove an account's finalizer, so that the role stays live",
    cells: writers('consent', { operator: 'yes' }),
  },
  abandon: {
    does: "remove an account's finalizer while the annotation `k11n.dev/abandon` is set",
    cells: grants('claim'),
  },
  forgeStatus: {
    does: "write an account's status",
    cells: { status: 'yes', operator: 'yes' },
  },
  deployApp: {
    does: 'create an app without an account in a target',
    cells: writers(['deploy'], { deploy: 'yes' }),
  },
  useAccount: {
    does: 'change the image of an app that names an account',
    cells: { edit: ['use', 'deploy'], grant: ['deploy'], deploy: ['use'] },
  },
  takeAccount: {
    does: 'remove the account from an app',
    cells: writers(['deploy'], { deploy: 'yes' }),
  },
  takeTarget: { does: 'remove a target from an app without an account', cells: writers('yes') },
  deleteApp: { does: 'delete an app', cells: writers('yes') },
  addTarget: { does: 'add a target to the cluster', cells: { config: ['link'] } },
  removeTarget: { does: 'remove a target from the cluster', cells: { config: 'yes' } },
  reservedTarget: { does: 'make `kube-system` a target', cells: { config: 'never' } },
  operatorTarget: { does: "make the operator's namespace a target", cells: { config: 'never' } },
  clusterBoundary: { does: 'remove the boundary of all roles', cells: { config: ['bound'] } },
  clusterPolicies: { does: 'let accounts list more policies', cells: { config: ['attach'] } },
  clusterStatements: { does: 'let accounts have statements', cells: { config: ['grant'] } },
  clusterTags: { does: 'change a tag of all roles', cells: { config: ['tag'] } },
  clusterRoles: { does: 'change the AWS account, issuer or role path', cells: { config: ['claim'] } },
  clusterMode: { does: 'change the identity mode of the cluster', cells: { config: ['link'] } },
  tokenInTarget: {
    does: 'request a token with the STS audience for a ServiceAccount in a target',
    cells: { namespace: 'yes', operator: 'yes' },
  },
  tokenForApiServer: {
    does: "request a token with the API server's audience for a ServiceAccount in a target",
    cells: { namespace: 'yes' },
  },
  tokenElsewhere: { does: 'request a token for a ServiceAccount outside the targets', cells: {} },
  createPod: {
    does: "create a pod in a target with an account's ServiceAccount",
    cells: { namespace: 'yes' },
  },
  readSecret: { does: 'read a Secret in a target', cells: { namespace: 'yes' } },
  readNode: { does: 'read a node by its name', cells: { operator: 'yes' } },
  listNodes: { does: 'list the nodes', cells: {} },
  roleAnnotation: {
    does: 'change the role of a ServiceAccount that is not linked',
    cells: { namespace: 'yes' },
  },
  labelNamespace: { does: 'set the target label on a namespace that is not a target', cells: {} },
  podSecurity: { does: "remove a namespace's Pod Security label", cells: {} },
  bindRole: { does: 'bind itself to `konstellation-grant`', cells: {} },
  removeFence: { does: 'delete an admission policy', cells: {} },
} as const satisfies Readonly<Record<string, Attempt>>;
export type AttemptName = keyof typeof attempts;

/**
 * Permissions of a holder of the operator's AWS credentials, with and without the two limits in the ClusterConfig
 * (boundary and allowed policies).
 */
export const awsAttempts = {
  createRole: { does: "create a role with this cluster's tags below `rolePath`", fenced: true, open: true },
  createUnbounded: { does: 'create a role below `rolePath` without the boundary', fenced: false, open: true },
  createElsewhere: {
    does: "create a role outside `rolePath`, or without this cluster's tags",
    fenced: false,
    open: false,
  },
  attachAllowed: { does: 'attach an allowed policy to an own role', fenced: true, open: true },
  attachAny: { does: 'attach `AdministratorAccess` to an own role', fenced: false, open: true },
  attachToForeign: { does: 'attach a policy to a role of another owner', fenced: false, open: false },
  denyEverything: {
    does: 'attach AWSDenyAll to an own role, or make AWSDenyAll the boundary of an own role',
    fenced: true,
    open: true,
  },
  trustOthers: { does: 'let another AWS account assume an own role', fenced: true, open: true },
  trustForeign: { does: 'change the trust policy of a role of another owner', fenced: false, open: false },
  removeBoundary: { does: 'remove the boundary of an own role', fenced: false, open: true },
  inlinePolicy: { does: 'write an inline policy', fenced: false, open: false },
  tagForeign: {
    does: "set this cluster's ownership tags on a role of another owner",
    fenced: false,
    open: false,
  },
  deleteForeign: { does: 'delete a role of another owner', fenced: false, open: false },
  assumeRole: { does: 'assume a role with `sts:AssumeRole`', fenced: false, open: false },
  associate: {
    does: 'associate an own role with a ServiceAccount of this cluster',
    fenced: true,
    open: true,
  },
  associateElsewhere: {
    does: 'associate an own role with a ServiceAccount of another cluster',
    fenced: false,
    open: false,
  },
  passForeign: {
    does: 'associate a role outside `rolePath` with a ServiceAccount',
    fenced: false,
    open: false,
  },
} as const satisfies Readonly<
  Record<string, { readonly does: string; readonly fenced: boolean; readonly open: boolean }>
>;
export type AwsAttemptName = keyof typeof awsAttempts;

export const cellOf = (attempt: AttemptName, person: Person): Cell => {
  const cells: Attempt['cells'] = attempts[attempt].cells;
  return cells[person] ?? 'no';
};
