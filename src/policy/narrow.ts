/**
 * Narrows a policy to the actions that may be in use. Each narrowed statement keeps the resources and conditions of its
 * original statement, so it never allows more. All functions are pure.
 */
import { permissionStatement, type PermissionStatement } from '../api/linked-service-account.ts';
import type { Usage } from './last-accessed.ts';
import type { ActionReference } from './lint.ts';
import type { PatternSet, PolicyDocument, PolicyStatement } from './model.ts';
import type { ConditionOperator } from './operators.ts';
import { matchesGlyphs, plainGlyphs } from './pattern.ts';

/** Reference of all AWS services and their actions. */
export type Reference = { readonly services: readonly string[]; readonly actions: ActionReference };

export type Narrowed = {
  /** Known actions that the policy allows, in lower case, for example `s3:getobject`. */
  readonly allowed: ReadonlySet<string>;
  /** Subset of `allowed` that may be in use. */
  readonly mayBeUsed: ReadonlySet<string>;
  /** Services whose allowed actions are all certainly unused. Sorted. */
  readonly unusedServices: readonly string[];
  /**
   * Statements with the actions that may be in use. Empty if no action may be in use. `inexpressible` means that an
   * account cannot have these statements, because they use an element that the statements of accounts do not support.
   */
  readonly statements: readonly PermissionStatement[] | 'inexpressible';
  /** Whether the policy has a Deny statement. If so, without this policy, other policies could allow more. */
  readonly denies: boolean;
};

/**
 * Pattern for actions of one service. `pattern` is the part after the colon: `*`, or a name that may contain wildcards.
 */
type ActionPattern = { readonly service: string; readonly pattern: string };

/** Maximum number of actions, and of resources, in one statement. Source: the schema of `spec.aws.statements`. */
const mostEntries = 50;

export function narrowDocument(document: PolicyDocument, usage: Usage, reference: Reference): Narrowed {
  const allowed = new Set<string>();
  const mayBeUsed = new Set<string>();
  const needed: { readonly statement: PolicyStatement; readonly actions: readonly string[] }[] = [];
  for (const statement of document.statements.filter(({ effect }) => effect === 'Allow')) {
    for (const each of actionPatterns(statement.action, reference))
      for (const action of knownActions(each, usage, reference)) {
        const name = `${each.service}:${action}`.toLowerCase();
        allowed.add(name);
        if (!usage.isUnused(each.service, action)) mayBeUsed.add(name);
      }
    const actions = narrowActions(statement.action, usage, reference);
    if (actions.length > 0) needed.push({ statement, actions });
  }
  const used = servicesOf(mayBeUsed);
  return {
    allowed,
    mayBeUsed,
    unusedServices: [...servicesOf(allowed)].filter((service) => !used.has(service)).sort(),
    statements: permissionStatements(document, needed),
    denies: document.statements.some(({ effect }) => effect === 'Deny'),
  };
}

const servicesOf = (names: ReadonlySet<string>): ReadonlySet<string> =>
  new Set([...names].map((name) => name.slice(0, name.indexOf(':'))));

/**
 * Reduces the statements of an account to the actions that may be in use. A statement without such actions is omitted.
 */
export function narrowStatements(
  statements: readonly PermissionStatement[],
  usage: Usage,
  reference: Reference,
): readonly PermissionStatement[] {
  return statements.flatMap((statement) => {
    const actions = narrowActions({ negated: false, patterns: statement.actions }, usage, reference);
    if (actions.length === 0) return [];
    return actions.length > mostEntries ? [statement] : [{ ...statement, actions: [...actions] }];
  });
}

/**
 * Returns patterns for the actions that may be in use. A pattern stays unchanged if all of its actions may be in use.
 */
function narrowActions(action: PatternSet, usage: Usage, reference: Reference): readonly string[] {
  const narrowed = (set: PatternSet): { readonly isWhole: boolean; readonly actions: readonly string[] } => {
    const patterns = actionPatterns(set, reference);
    const actions = patterns.map((each) => neededActions(each, usage, reference));
    const isWhole = actions.every(
      ([first, second], index) => second === undefined && first === nameOf(patterns[index]),
    );
    return { isWhole, actions: actions.flat() };
  };
  if (action.negated) return [...new Set(narrowed(action).actions)];
  return [
    ...new Set(
      action.patterns.flatMap((pattern) => {
        const { isWhole, actions } = narrowed({ negated: false, patterns: [pattern] });
        return isWhole ? [spelled(pattern)] : actions;
      }),
    ),
  ];
}

const nameOf = (each: ActionPattern | undefined): string => `${each?.service}:${each?.pattern}`;

/**
 * Splits an `Action` or `NotAction` element into patterns of one service each. An element that matches all services, or
 * is negated, yields patterns of every known service.
 */
function actionPatterns(
  { negated, patterns }: PatternSet,
  { services, actions }: Reference,
): readonly ActionPattern[] {
  const split = patterns.map((pattern): ActionPattern => {
    const colon = pattern.indexOf(':');
    return colon < 0
      ? { service: '*', pattern: '*' }
      : { service: pattern.slice(0, colon).toLowerCase(), pattern: pattern.slice(colon + 1) };
  });
  if (!negated)
    return split.flatMap((each) =>
      each.service === '*' ? services.map((service) => ({ ...each, service })) : [each],
    );
  return services.flatMap((service): readonly ActionPattern[] => {
    const excluding = split.filter((each) => each.service === '*' || each.service === service);
    if (excluding.length === 0) return [{ service, pattern: '*' }];
    const isExcluded = excluding.map(({ pattern }) => nameMatcher(pattern));
    return [...(actions(service)?.values() ?? [])]
      .filter(({ name }) => !isExcluded.some((matches) => matches(name)))
      .map(({ name }) => ({ service, pattern: name }));
  });
}

function nameMatcher(pattern: string): (name: string) => boolean {
  const lower = pattern.toLowerCase();
  if (lower === '*') return () => true;
  if (!/[*?]/.test(lower)) return (name) => name.toLowerCase() === lower;
  const glyphs = plainGlyphs(lower);
  return (name) => matchesGlyphs(glyphs, name.toLowerCase());
}

/**
 * Returns the names of the known actions that the pattern matches, or the pattern itself if it matches no known action.
 */
function knownActions(
  { service, pattern }: ActionPattern,
  usage: Usage,
  { actions }: Reference,
): readonly string[] {
  const names = [...(actions(service)?.values() ?? [])].map(({ name }) => name);
  const known = new Set(names.map((name) => name.toLowerCase()));
  const others = usage.trackedActions(service).filter((name) => !known.has(name.toLowerCase()));
  const found = [...names, ...others].filter(nameMatcher(pattern));
  return found.length > 0 ? found : [pattern];
}

/**
 * Returns patterns for those actions of a pattern that may be in use. A pattern with wildcards is replaced by action
 * names only if at most half of its actions may be in use, so that a narrowed statement stays readable.
 */
function neededActions(each: ActionPattern, usage: Usage, reference: Reference): readonly string[] {
  const { service, pattern } = each;
  const known = knownActions(each, usage, reference);
  const needed = known.filter((action) => !usage.isUnused(service, action));
  if (needed.length === 0) return [];
  if (needed.length === known.length) return [`${service}:${pattern}`];
  const isNarrow = usage.isServiceUnused(service) || 2 * needed.length <= known.length;
  return isNarrow ? needed.map((action) => `${service}:${action}`) : [`${service}:${pattern}`];
}

/** Spells an action as in the statements of an account: the service is in lower case. */
function spelled(pattern: string): string {
  const colon = pattern.indexOf(':');
  return colon < 0 ? pattern : pattern.slice(0, colon).toLowerCase() + pattern.slice(colon);
}

function permissionStatements(
  { version }: PolicyDocument,
  needed: readonly { readonly statement: PolicyStatement; readonly actions: readonly string[] }[],
): Narrowed['statements'] {
  const merged = new Map<string, PermissionStatement>();
  for (const { statement, actions } of needed) {
    const conditions = conditionsOf(statement);
    const resources = statement.resource?.negated === false ? statement.resource.patterns : undefined;
    if (conditions === undefined || resources === undefined) return 'inexpressible';
    const texts = [...resources, ...Object.values(conditions).flatMap((keys) => Object.values(keys).flat())];
    // In the statements of an account (version 2012-10-17), `${` begins a variable and `$(` begins a placeholder. A
    // text with `$(`, or a text with `${` from a document of version 2008-10-17, would therefore change its meaning if
    // it were copied there.
    if (texts.some((text) => text.includes('$(') || (version === '2008-10-17' && text.includes('${'))))
      return 'inexpressible';
    const key = JSON.stringify([resources.toSorted(), conditions]);
    const before = merged.get(key)?.actions ?? [];
    merged.set(key, {
      actions: [...new Set([...before, ...actions])],
      resources: [...new Set(resources)],
      ...(Object.keys(conditions).length > 0 ? { conditions } : {}),
    });
  }
  const statements = [...merged.values()].flatMap((statement) =>
    parts(statement.actions).flatMap((actions) =>
      parts(statement.resources).map((resources) => ({ ...statement, actions, resources })),
    ),
  );
  return statements.every((statement) => permissionStatement.safeParse(statement).success)
    ? statements
    : 'inexpressible';
}

function parts(entries: readonly string[]): string[][] {
  const count = Math.ceil(entries.length / mostEntries);
  return Array.from({ length: count }, (_, index) =>
    entries.slice(index * mostEntries, (index + 1) * mostEntries),
  );
}

/**
 * Returns the conditions of a statement. Returns undefined if two conditions have the same operator and key, which the
 * statements of accounts do not support.
 */
export function conditionsOf({
  conditions,
}: Pick<PolicyStatement, 'conditions'>): Record<string, Record<string, string[]>> | undefined {
  const found: Record<string, Record<string, string[]>> = {};
  for (const { operator, key, values } of conditions) {
    const name = operatorName(operator);
    const keys = (found[name] ??= {});
    if (Object.keys(keys).some((other) => other.toLowerCase() === key.toLowerCase())) return undefined;
    keys[key] = [...values];
  }
  return found;
}

const operatorName = ({ base, ifExists, quantifier }: ConditionOperator): string =>
  `${quantifier === undefined ? '' : `${quantifier}:`}${base}${ifExists ? 'IfExists' : ''}`;
