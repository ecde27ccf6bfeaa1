/** Steps on an IAM role: effect, Event, plan line and drift description of each kind. */
import { isOwnershipTag, retainedTag } from '../desired/ownership.ts';
import { podDenialName } from '../desired/pod-denial.ts';
import { inlinePolicyName } from '../desired/statements.ts';
import { settingKeys } from '../desired/role.ts';
import { withoutTags, withTags } from '../desired/tags.ts';
import type { CreatedRole } from '../state/ports.ts';
import type { CachedRole, ObservedRole, RoleSettings } from '../state/world.ts';
import { defined } from '../../k8s/defined.ts';
import type { Monotonic } from '../../k8s/time.ts';
import type { PlanLine, StepRow, StepOf } from './step.ts';

/** Step that changes the role itself. Creation, deletion and policy attachments are not included. */
export type RoleChange = StepOf<
  | 'UpdateTrustPolicy'
  | 'PutPermissionsBoundary'
  | 'DeletePermissionsBoundary'
  | 'UpdateRole'
  | 'TagRole'
  | 'UntagRole'
>;

/** Step on one role. Steps on targets can name a role too, but are not included. */
export type RoleStep =
  | RoleChange
  | StepOf<
      | 'ReadRole'
      | 'CreateRole'
      | 'DeleteRole'
      | 'AttachPolicy'
      | 'DetachPolicy'
      | 'PutInlinePolicy'
      | 'DeleteInlinePolicy'
      | 'PutPodDenial'
      | 'DeletePodDenial'
    >;

export type RoleWrite = Exclude<RoleStep, { readonly kind: 'ReadRole' }>;

type RoleRow<S extends RoleStep> = StepRow<S> & {
  /** Returns the role after the step; null if none exists then. A read returns the role unchanged. */
  effect(role: ObservedRole, step: S): ObservedRole | null;
};

type ChangeRow<S extends RoleChange> = RoleRow<S> & {
  /** Descriptions of out-of-band changes that the step repairs; empty if the step repairs none. */
  drift(step: S, role: ObservedRole): readonly string[];
  /** Descriptions of the changes that the step makes, worded to follow "the adoption would"; empty for ownership tags. */
  intent(step: S, role: ObservedRole): readonly string[];
};

const names = (verb: string, keys: readonly string[]): readonly string[] =>
  keys.length > 0 ? [`${verb} ${keys.join(', ')}`] : [];

const isOfOthers = (key: string): boolean => !isOwnershipTag(key);

/** Name and value of each setting as text. */
const settingWords: {
  readonly [K in keyof RoleSettings]: (value: RoleSettings[K]) => { name: string; value: string };
} = {
  maxSessionDuration: (seconds) => ({ name: 'maximum session duration', value: `${seconds} seconds` }),
  description: (text) => ({ name: 'description', value: JSON.stringify(text) }),
};

/** Describes each wanted setting that differs from the setting of the role. An unknown setting of the role counts as different. */
function inWords<Text>(
  settings: Partial<RoleSettings>,
  role: Partial<RoleSettings> | undefined,
  words: (setting: { readonly name: string; readonly value: string }) => Text,
): readonly Text[] {
  return settingKeys.flatMap((key) => {
    const value = settings[key];
    return value === undefined || value === role?.[key] ? [] : [words(settingWords[key](value as never))];
  });
}

const changes: { readonly [K in RoleChange['kind']]: ChangeRow<StepOf<K>> } = {
  UpdateTrustPolicy: {
    effect: (role, { trustPolicy }) => ({ ...role, trustPolicy }),
    event: ({ role }) => ({ reason: 'TrustPolicyUpdated', note: `wrote the trust policy of ${role}` }),
    planLine: ({ trustPolicy }, role) => ({
      action: 'update',
      summary: 'trust policy',
      ...(role ? { before: prettyJson(role.trustPolicy) } : {}),
      after: prettyJson(trustPolicy),
    }),
    drift: () => ['the trust policy of the role was changed'],
    intent: () => ['replace the trust policy'],
  },
  PutPermissionsBoundary: {
    detail: ({ policyArn }) => policyArn,
    effect: (role, { policyArn }) => ({ ...role, permissionsBoundaryArn: policyArn }),
    event: ({ role, policyArn }) => ({
      reason: 'RoleUpdated',
      note: `set the permissions boundary of ${role} to ${policyArn}`,
    }),
    planLine: ({ policyArn }, { permissionsBoundaryArn: before } = {} as ObservedRole) => ({
      summary: `permissions boundary ${policyArn}`,
      ...(before === undefined ? { action: 'create' } : { action: 'update', before, after: policyArn }),
    }),
    drift: (_, role) => [
      `the permissions boundary of the role was changed to ${role.permissionsBoundaryArn ?? 'none'}`,
    ],
    intent: ({ policyArn }) => [`set the permissions boundary to ${policyArn}`],
  },
  DeletePermissionsBoundary: {
    effect: ({ permissionsBoundaryArn: _, ...role }) => role,
    event: ({ role }) => ({ reason: 'RoleUpdated', note: `removed the permissions boundary of ${role}` }),
    planLine: (_, role) => ({
      action: 'delete',
      summary: `permissions boundary ${role?.permissionsBoundaryArn ?? ''}`.trim(),
    }),
    drift: (_, role) => [
      `the permissions boundary of the role was changed to ${role.permissionsBoundaryArn ?? 'none'}`,
    ],
    intent: () => ['remove the permissions boundary'],
  },
  UpdateRole: {
    effect: (role, { settings }) => ({ ...role, ...settings }),
    event: ({ role, settings }) => ({
      reason: 'RoleUpdated',
      note: `set of ${role}: ${inWords(settings, undefined, ({ name, value }) => `${name} ${value}`).join(', ')}`,
    }),
    planLine({ settings }, role) {
      const text = ({ name, value }: { name: string; value: string }): string => `${name}: ${value}`;
      return {
        action: 'update',
        summary: inWords(settings, role, ({ name }) => name).join(', '),
        ...(role ? { before: inWords(role, settings, text).join('\n') } : {}),
        after: inWords(settings, role, text).join('\n'),
      };
    },
    drift: ({ settings }, role) =>
      inWords(role, settings, ({ name, value }) => `the ${name} of the role was changed to ${value}`),
    intent: ({ settings }, role) =>
      inWords(settings, role, ({ name, value }) => `set the ${name} to ${value}`),
  },
  TagRole: {
    effect: (role, { tags }) => ({ ...role, tags: withTags(role.tags, tags) }),
    event: ({ role, tags }) =>
      retainedTag in tags
        ? {
            reason: 'RoleRetained',
            note: `kept the role ${role}, which kon account orphans lists from now on`,
          }
        : { reason: 'RoleUpdated', note: `set tags of ${role}: ${Object.keys(tags).join(', ')}` },
    planLine: ({ tags }) => ({
      action: 'update',
      summary: `tags ${Object.keys(tags).join(', ')}`,
      after: Object.entries(tags)
        .map(([key, value]) => `${key}=${value}`)
        .join('\n'),
    }),
    drift: ({ tags }) => names('the tags of the role were changed:', Object.keys(tags)),
    intent: ({ tags }) => names('set the tags', Object.keys(tags).filter(isOfOthers)),
  },
  UntagRole: {
    effect: (role, { keys }) => ({ ...role, tags: withoutTags(role.tags, keys) }),
    event: ({ role, keys }) => ({
      reason: 'RoleUpdated',
      note: `removed tags of ${role}: ${keys.join(', ')}`,
    }),
    planLine: ({ keys }) => ({ action: 'delete', summary: `tags ${keys.join(', ')}` }),
    // The tag for retained roles is not drift: it was on the role when the role was adopted, and the adoption removes it.
    drift: ({ keys }) => {
      const added = keys.filter((key) => key.toLowerCase() !== retainedTag);
      return names('tags were added to the role:', added);
    },
    intent: ({ keys }) => names('remove the tags', keys.filter(isOfOthers)),
  },
};

const denialInPlan = `denial of the sessions of quarantined pods, in the inline policy ${podDenialName}`;

export const roleSteps: { readonly [K in RoleStep['kind']]: RoleRow<StepOf<K>> } = {
  ...changes,
  ReadRole: { effect: (role) => role },
  CreateRole: {
    // A creation does not replace an existing role.
    effect: (role) => role,
    event: ({ role }) => ({ reason: 'RoleCreated', note: `created the role ${role}` }),
    planLine: ({ spec: { path, maxSessionDuration, permissionsBoundaryArn, trustPolicy } }) => ({
      action: 'create',
      summary: [
        `role with path ${path}`,
        `sessions of ${maxSessionDuration} s at most`,
        ...(permissionsBoundaryArn === undefined ? [] : [`bounded by ${permissionsBoundaryArn}`]),
      ].join(', '),
      after: prettyJson(trustPolicy),
    }),
  },
  DeleteRole: {
    effect: () => null,
    event: ({ role }) => ({
      reason: 'RoleDeleted',
      note: `deleted the role ${role}, which ended its sessions`,
    }),
    planLine: () => ({ action: 'delete', summary: 'role' }),
  },
  AttachPolicy: {
    detail: ({ policyArn }) => policyArn,
    effect: (role, { policyArn }) => ({
      ...role,
      attachedPolicyArns: [...new Set([...role.attachedPolicyArns, policyArn])],
    }),
    event: ({ role, policyArn }) => ({
      reason: 'PolicyAttached',
      note: `attached ${policyArn} to ${role}`,
      brief: `attached ${policyArn}`,
    }),
    planLine: ({ policyArn }) => ({ action: 'create', summary: `attachment of ${policyArn}` }),
  },
  DetachPolicy: {
    detail: ({ policyArn }) => policyArn,
    effect: (role, { policyArn }) => ({
      ...role,
      attachedPolicyArns: role.attachedPolicyArns.filter((arn) => arn !== policyArn),
    }),
    event: ({ role, policyArn, why }) => ({
      reason: 'PolicyDetached',
      note: `detached ${policyArn} from ${role}: ${why}`,
    }),
    planLine: ({ policyArn, why }) => ({ action: 'delete', summary: `attachment of ${policyArn} (${why})` }),
  },
  PutInlinePolicy: {
    effect: (role, { document }) => ({ ...withInlinePolicy(role, inlinePolicyName), inlinePolicy: document }),
    event: ({ role }) => ({
      reason: 'StatementsWritten',
      note: `wrote the statements of ${role}`,
      brief: 'wrote its statements',
    }),
    planLine: ({ document }, role) =>
      lineOfWrite(`statements in the inline policy ${inlinePolicyName}`, role?.inlinePolicy, document),
  },
  PutPodDenial: {
    effect: (role, { document }) => ({ ...withInlinePolicy(role, podDenialName), podDenial: document }),
    event: ({ role }) => ({
      reason: 'PodsDenied',
      note: `denied the sessions of quarantined pods on ${role}`,
      brief: 'denied the sessions of quarantined pods',
    }),
    planLine: ({ document }, role) => lineOfWrite(denialInPlan, role?.podDenial, document),
  },
  DeletePodDenial: {
    effect: (role) => withoutInlinePolicy(role, podDenialName),
    event: ({ role }) => ({
      reason: 'PodsReleased',
      note: `removed the denial of the sessions of quarantined pods from ${role}`,
    }),
    planLine: (_, role) => lineOfRemoval(denialInPlan, role?.podDenial),
  },
  DeleteInlinePolicy: {
    detail: ({ policyName }) => policyName,
    effect: (role, { policyName }) => withoutInlinePolicy(role, policyName),
    event: ({ role, policyName }) => ({
      reason: policyName === inlinePolicyName ? 'StatementsRemoved' : 'InlinePolicyDeleted',
      note: `removed the inline policy ${policyName} from ${role}`,
    }),
    planLine: ({ policyName }, role) => {
      const documents = new Map([
        [inlinePolicyName, role?.inlinePolicy],
        [podDenialName, role?.podDenial],
      ]);
      return lineOfRemoval(`inline policy ${policyName}`, documents.get(policyName));
    },
  },
};

/** Formats JSON over several lines for a plan; returns any other text unchanged. */
function prettyJson(document: string): string {
  try {
    return JSON.stringify(JSON.parse(document), undefined, 2);
  } catch {
    return document;
  }
}

function withInlinePolicy(role: ObservedRole, policyName: string): ObservedRole {
  return { ...role, inlinePolicyNames: [...new Set([...role.inlinePolicyNames, policyName])] };
}

function withoutInlinePolicy(
  { inlinePolicy, podDenial, ...role }: ObservedRole,
  policyName: string,
): ObservedRole {
  return {
    ...role,
    inlinePolicyNames: role.inlinePolicyNames.filter((name) => name !== policyName),
    ...defined({
      inlinePolicy: policyName === inlinePolicyName ? undefined : inlinePolicy,
      podDenial: policyName === podDenialName ? undefined : podDenial,
    }),
  };
}

/** Plan line for the write of a policy document. `before`: the document that the write replaces, if one exists. */
function lineOfWrite(summary: string, before: string | undefined, document: string): PlanLine {
  const after = prettyJson(document);
  return before === undefined
    ? { action: 'create', summary, after }
    : { action: 'update', summary, before: prettyJson(before), after };
}

function lineOfRemoval(summary: string, document: string | undefined): PlanLine {
  return { action: 'delete', summary, ...defined({ before: document && prettyJson(document) }) };
}

export function isRoleStep(step: { readonly kind: string }): step is RoleStep {
  return step.kind in roleSteps;
}

/** Describes the changes that others made to a role and that these steps revert. */
export function driftWords(steps: readonly RoleChange[], role: ObservedRole): readonly string[] {
  return steps.flatMap((step) => changeRow(step).drift(step, role));
}

/** Describes what these steps would change. Changes of ownership tags are omitted. */
export function intentWords(steps: readonly RoleChange[], role: ObservedRole): readonly string[] {
  return steps.flatMap((step) => changeRow(step).intent(step, role));
}

function changeRow(step: RoleChange): ChangeRow<RoleChange> {
  return changes[step.kind];
}

/**
 * Role after a step that IAM confirmed; null if the role does not exist after the step.
 *
 * @param created the response of CreateRole
 */
export function roleAfter(
  step: RoleWrite,
  before: ObservedRole | null,
  created?: CreatedRole,
): ObservedRole | null {
  if (step.kind === 'CreateRole' && created) {
    return { ...step.spec, ...created, attachedPolicyArns: [], inlinePolicyNames: [] };
  }
  const row: RoleRow<RoleStep> = roleSteps[step.kind];
  return before && row.effect(before, step);
}

/** Cached state after a step that IAM confirmed. It is derived from the write, without a read. */
export function cachedRoleAfter(
  step: RoleWrite,
  before: CachedRole | undefined,
  now: Monotonic,
  created?: CreatedRole,
): CachedRole {
  const role = roleAfter(step, before?.role ?? null, created);
  return { ...before, role, source: 'write', ...trustAfter(step, before, now) };
}

/**
 * Returns, for the state after a step that IAM confirmed, whether and when this process wrote the trust policy of the
 * cached role.
 */
export function trustAfter(
  step: RoleWrite,
  before: (Pick<CachedRole, 'hasOwnTrust'> & { readonly source: string }) | undefined,
  at: Monotonic,
): Pick<CachedRole, 'trustWrittenAt' | 'hasOwnTrust'> {
  if (step.kind === 'CreateRole' || step.kind === 'UpdateTrustPolicy')
    return { trustWrittenAt: at, hasOwnTrust: true };
  return { hasOwnTrust: before?.source === 'write' && before.hasOwnTrust === true };
}
