/** Status of an account, derived from the findings of the planner. */
import {
  accountConditionTypes,
  type AccountConditionType,
  type FormerTarget,
  type IdentityMode,
  type LinkedServiceAccountStatus,
  type PolicyStatus,
  type TargetStatus,
} from '../../api/index.ts';
import { messageAbout, roleNameOf } from '../desired/arn.ts';
import { formatTime } from '../../k8s/time.ts';
import { conditionDraft, setConditions, type ConditionDraft } from '../../k8s/conditions.ts';
import { defined } from '../../k8s/defined.ts';
import { identityErrors } from '../state/errors.ts';
import { foreignInlinePolicies } from '../desired/statements.ts';
import type { PodDenial } from './pod-denial.ts';
import { isUnread, type RoleAssessment } from './role.ts';
import { ignoredTagsNote } from '../desired/tags.ts';
import type { AccountWorld, PodCounts, Problem } from '../state/world.ts';

export type TargetRow = {
  readonly name: string;
  readonly wanted: boolean;
  readonly roleArn?: string;
  readonly linked: boolean;
  readonly proven: boolean;
  readonly proofKey?: string;
  readonly identityMode?: IdentityMode;
  /** See `confirmed` in the schema of the status. */
  readonly confirmed?: boolean;
  /** The target is draining: it keeps its access until its pods have ended. */
  readonly draining?: true;
  /**
   * The account no longer names the target, but a role still admits the target's pods. The status reports the target as linked
   * until no role admits them.
   */
  readonly stillOpen?: true;
  /** Reason why the target is served but not yet in the desired state. */
  readonly pending?: Problem;
  /** Problem of running pods that hold an identity that they can no longer exchange for credentials. New pods may be unaffected. */
  readonly cutOff?: Problem;
  readonly pods: PodCounts;
  readonly reason?: string;
  readonly message?: string;
};

type Findings = {
  readonly roles: readonly RoleAssessment[];
  readonly targets: readonly TargetRow[];
  readonly policies: readonly PolicyStatus[];
  readonly tooManyPolicies?: string;
  /** Problem if a role that no target needs any more could not be removed. */
  readonly surplus?: Problem;
  readonly podDenial: PodDenial;
  readonly formerTargets: readonly FormerTarget[];
};

type AccountVerdict = ConditionDraft & { readonly type: AccountConditionType };

export function accountStatus(world: AccountWorld, findings: Findings): LinkedServiceAccountStatus {
  const { account } = world;
  const wanted = findings.targets.filter((row) => row.wanted);
  const first = findings.roles[0];
  const ignored = ignoredTagsNote(account.spec.aws.tags);
  const parts: readonly AccountVerdict[] = [
    roleVerdict(findings, ignored),
    policiesVerdict(findings),
    linksVerdict(findings.targets),
    proofVerdict(wanted),
    workloadsVerdict(findings.targets, world.rolloutBlocker),
  ];
  const decisive = parts.filter((part) => part.type !== 'WorkloadsCurrent');
  const cutOff = findings.targets.find((row) => row.cutOff)?.cutOff;
  const bad =
    decisive.find((part) => part.status === 'False') ??
    (cutOff ? ({ type: 'Ready', status: 'False', ...cutOff } as const) : undefined) ??
    decisive.find((part) => part.status === 'Unknown');
  const ready: AccountVerdict = bad
    ? { ...bad, type: 'Ready', message: withRefusal(bad, proofVerdict(wanted)) }
    : conditionDraft(
        'Ready',
        'True',
        'Ready',
        `${count(findings.policies.length, 'policy', 'policies')} attached; ${count(wanted.length, 'target', 'targets')} linked and proven${deniedNote(findings.podDenial)}${ignored}`,
      );
  const proven = wanted.filter((row) => row.linked && row.proven).length;
  return {
    ...defined({ observedGeneration: account.metadata.generation }),
    ...roleOf(world, first),
    linkedTargets: wanted.filter((row) => row.linked).map((row) => row.name),
    targets: findings.targets.map((row) => targetStatus(world, row)),
    ...(findings.formerTargets.length > 0 ? { formerTargets: [...findings.formerTargets] } : {}),
    policies: [...findings.policies],
    ...statementsOf(findings),
    ...(findings.podDenial.rows.length > 0 ? { quarantinedPods: [...findings.podDenial.rows] } : {}),
    attached: `${findings.policies.filter(({ attached }) => attached).length}/${findings.policies.length}`,
    ready: `${proven}/${wanted.length}`,
    conditions: verdicts(world, [ready, ...parts]),
  };
}

/** State of the statements. For an account with several roles, this is the worst state of any role. */
function statementsOf({ roles }: Findings): Pick<LinkedServiceAccountStatus, 'statements'> {
  const rows = roles.flatMap(({ statements }) => statements ?? []);
  const row = rows.find(({ applied }) => !applied) ?? rows[0];
  return row ? { statements: row } : {};
}

/**
 * Role in the status. While the role has not been read, the last reported role is kept, because an operator without permission to
 * read roles knows no newer state.
 */
function roleOf(
  { account: { status } }: AccountWorld,
  first: RoleAssessment | undefined,
): Pick<LinkedServiceAccountStatus, 'roleArn' | 'roleId'> {
  if (first?.role) return { roleArn: first.role.arn, roleId: first.role.id };
  const { roleArn, roleId } = status ?? {};
  if (!first || !isUnread(first) || roleArn === undefined || roleNameOf(roleArn) !== first.spec.name)
    return {};
  return { roleArn, ...(roleId === undefined ? {} : { roleId }) };
}

/** Message of a problem. If STS also refuses pods, for a reason other than this problem, the message of STS follows. */
function withRefusal(bad: AccountVerdict, proof: AccountVerdict): string {
  const refused = proof.status === 'False' && proof.reason in identityErrors;
  return refused && proof.reason !== bad.reason ? `${bad.message}; ${proof.message}` : bad.message;
}

/**
 * Status while a problem blocks the plan of the whole account. `Ready` gives the reason. Everything else keeps its last reported
 * state.
 *
 * @param types conditions that become False with this reason (default: only `Ready`)
 */
export function blockedStatus(
  world: AccountWorld,
  { reason, message }: { readonly reason: string; readonly message: string },
  types: readonly AccountConditionType[] = ['Ready'],
): LinkedServiceAccountStatus {
  const { account } = world;
  const before = account.status?.conditions ?? [];
  const known = before.filter(({ type }) => !types.some((one) => one === type));
  return {
    ...account.status,
    ...defined({ observedGeneration: account.metadata.generation }),
    // Conditions that were not evaluated keep their observedGeneration.
    conditions: [
      ...verdicts(
        world,
        types.map((type) => conditionDraft(type, 'False', reason, message)),
      ),
      ...known,
    ],
  };
}

function verdicts(
  world: AccountWorld,
  list: readonly ConditionDraft[],
): NonNullable<LinkedServiceAccountStatus['conditions']> {
  const order = (type: string): number => accountConditionTypes.indexOf(type as AccountConditionType);
  const sorted = [...list].sort((a, b) => order(a.type) - order(b.type));
  return setConditions(world.account.status?.conditions, sorted, {
    generation: world.account.metadata.generation,
    now: world.date,
  });
}

function deniedNote({ rows }: PodDenial): string {
  return rows.length === 0
    ? ''
    : `; the sessions of ${count(rows.length, 'quarantined pod', 'quarantined pods')} are denied`;
}

function roleVerdict({ roles, surplus, podDenial }: Findings, ignored: string): AccountVerdict {
  const problem = roles.find((role) => role.problem)?.problem ?? podDenial.problem ?? surplus;
  return problem
    ? { type: 'RoleSynced', status: 'False', ...problem }
    : conditionDraft('RoleSynced', 'True', 'InStep', `${roles.map((role) => role.arn).join(', ')}${ignored}`);
}

function policiesVerdict({ policies, roles, tooManyPolicies }: Findings): AccountVerdict {
  const type = 'PoliciesAttached';
  if (tooManyPolicies !== undefined) return conditionDraft(type, 'False', 'TooManyPolicies', tooManyPolicies);
  // `missing` also contains attached policies that are no longer allowed: their rows have a reason.
  const missing = policies.filter((row) => !row.attached || row.reason !== undefined);
  const worst = missing.find((row) => !row.attached) ?? missing[0];
  if (worst) {
    const message = missing
      .map((row) => messageAbout(row.arn, row.message ?? row.reason ?? 'not attached'))
      .join('; ');
    return conditionDraft(type, 'False', worst.reason ?? 'AttachingPolicies', message);
  }
  const unlisted = roles.flatMap((role) => role.unlisted ?? []);
  if (unlisted.length > 0) {
    const failed = unlisted.find(({ failure }) => failure)?.failure;
    const message = unlisted
      .map(({ arn, failure }) =>
        messageAbout(
          arn,
          `is attached, but the account does not list it${failure ? `; ${failure.message}` : ''}`,
        ),
      )
      .join('; ');
    return conditionDraft(type, 'False', failed?.code ?? 'AttachingPolicies', message);
  }
  const unwritten = roles.flatMap(({ statements }) => statements ?? []).find(({ applied }) => !applied);
  if (unwritten)
    return conditionDraft(
      type,
      'False',
      unwritten.reason ?? 'AttachingPolicies',
      unwritten.message ?? 'the statements are being written',
    );
  const foreign = (role: RoleAssessment): readonly string[] =>
    role.role ? foreignInlinePolicies(role.role) : [];
  const inline = roles.filter((role) => foreign(role).length > 0);
  if (inline.length > 0) {
    const message = inline
      .map(
        (role) => `the role ${role.arn} has inline policies that others added: ${foreign(role).join(', ')}`,
      )
      .join('; ');
    const failed = inline.find(({ inlineFailure }) => inlineFailure)?.inlineFailure;
    return failed
      ? conditionDraft(
          type,
          'False',
          failed.reason,
          `${message}; these policies could not be removed: ${failed.message}`,
        )
      : conditionDraft(type, 'False', 'InlinePoliciesFound', message);
  }
  return conditionDraft(
    type,
    'True',
    'AllAttached',
    `${count(policies.length, 'policy', 'policies')} attached`,
  );
}

function linksVerdict(targets: readonly TargetRow[]): AccountVerdict {
  const type = 'TargetsLinked';
  const wanted = targets.filter((row) => row.wanted);
  if (wanted.length === 0)
    return conditionDraft(type, 'False', 'NoTargets', 'the account has no target, so no pod can use it');
  const unlinked = [
    ...wanted.filter((row) => !row.linked),
    ...targets.filter((row) => row.draining || !row.wanted),
  ];
  const worst = unlinked[0];
  const pending = wanted.filter((row) => row.pending);
  if (!worst && pending[0]?.pending) {
    const message = pending.map((row) => `${row.name}: ${row.pending?.message}`).join('; ');
    return conditionDraft(type, 'False', pending[0].pending.reason, message);
  }
  return worst
    ? conditionDraft(type, 'False', worst.reason ?? 'Linking', reported(unlinked))
    : conditionDraft(type, 'True', 'AllLinked', `${count(wanted.length, 'target', 'targets')} linked`);
}

function proofVerdict(wanted: readonly TargetRow[]): AccountVerdict {
  const type = 'IdentityProven';
  if (wanted.length === 0)
    return conditionDraft(
      type,
      'False',
      'NoTargets',
      'the account has no target, so there is nothing to prove',
    );
  const unproven = wanted.filter((row) => !row.proven);
  if (unproven.length === 0)
    return conditionDraft(type, 'True', 'AllProven', `${count(wanted.length, 'target', 'targets')} proven`);
  const disproved = unproven.find((row) => row.reason !== 'AwaitingFirstPod');
  return disproved
    ? conditionDraft(type, 'False', disproved.reason ?? 'Proving', reported(unproven))
    : conditionDraft(type, 'Unknown', 'AwaitingFirstPod', reported(unproven));
}

function workloadsVerdict(
  targets: readonly TargetRow[],
  pause: AccountWorld['rolloutBlocker'],
): AccountVerdict {
  const type = 'WorkloadsCurrent';
  const behind = targets.filter((row) => row.pods.stale + row.pods.uninjected > 0);
  const cutOff = targets.flatMap((row) => row.cutOff ?? []);
  if (pause) return { type, status: 'False', ...pause };
  if (cutOff[0])
    return conditionDraft(type, 'False', cutOff[0].reason, cutOff.map(({ message }) => message).join('; '));
  if (behind.length === 0)
    return conditionDraft(type, 'True', 'AllCurrent', 'no running pod holds an older identity');
  const message = behind
    .map(
      (row) =>
        `${row.name}: ${count(row.pods.stale, 'pod', 'pods')} with an older identity, ${count(row.pods.uninjected, 'pod', 'pods')} without an identity`,
    )
    .join('; ');
  return conditionDraft(type, 'False', 'PodsNotCurrent', message);
}

function targetStatus(world: AccountWorld, row: TargetRow): TargetStatus {
  const { name, roleArn, identityMode, linked, proven, confirmed, proofKey } = row;
  const before = world.account.status?.targets?.find((entry) => entry.name === name);
  const { current, stale, uninjected } = row.pods;
  const problem = row.reason === undefined ? (row.pending ?? row.cutOff) : row;
  const isProofKept = before?.proven === true && before.proofKey === proofKey;
  return {
    name,
    ...defined({ roleArn, identityMode }),
    linked: linked || row.stillOpen === true,
    proven,
    ...defined({
      confirmed,
      proofKey: proven || confirmed ? proofKey : undefined,
      provenAt:
        proven && proofKey !== undefined
          ? ((isProofKept ? before.provenAt : undefined) ?? formatTime(world.date))
          : undefined,
    }),
    pods: { current, stale, uninjected },
    ...defined({ reason: problem?.reason, message: problem?.message }),
  };
}

function reported(rows: readonly TargetRow[]): string {
  return rows.map((row) => `${row.name}: ${row.message ?? row.reason ?? 'not yet'}`).join('; ');
}

function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}
