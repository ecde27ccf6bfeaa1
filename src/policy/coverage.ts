/**
 * Compares what two policies allow, without evaluating requests. `covers` never wrongly returns true. It may return
 * false although one policy allows everything that the other allows. All functions are pure.
 */
import type { PermissionStatement } from '../api/linked-service-account.ts';
import type { PolicyDocument } from './model.ts';
import { conditionsOf } from './narrow.ts';
import { matchesGlyphs, plainGlyphs } from './pattern.ts';

/** Permission for one action pattern on one resource pattern, under conditions. */
export type Grant = {
  /** Action pattern in lower case. */
  readonly action: string;
  readonly resource: string;
  /** Conditions in a normalized spelling. Empty without conditions. */
  readonly conditions: string;
};

/**
 * Returns the grants of a document that contains only Allow statements without negated elements. Returns undefined for
 * any other document.
 */
export function grantsOf({ statements, version }: PolicyDocument): readonly Grant[] | undefined {
  const grants: Grant[] = [];
  for (const statement of statements) {
    const { effect, action, resource } = statement;
    const conditions = conditionsOf(statement);
    if (effect === 'Deny' || action.negated || conditions === undefined) return undefined;
    if (resource === undefined || resource.negated || version === '2008-10-17') return undefined;
    for (const pattern of action.patterns)
      for (const on of resource.patterns)
        grants.push({ action: pattern.toLowerCase(), resource: on, conditions: normalized(conditions) });
  }
  return grants;
}

/** Returns the grants of statements that contain no placeholders. */
export function grantsOfStatements(statements: readonly PermissionStatement[]): readonly Grant[] {
  return statements.flatMap(({ actions, resources, conditions = {} }) =>
    actions.flatMap((action) =>
      resources.map((resource) => ({
        action: action.toLowerCase(),
        resource,
        conditions: normalized(conditions),
      })),
    ),
  );
}

function normalized(conditions: NonNullable<PermissionStatement['conditions']>): string {
  const entries = Object.entries(conditions).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) =>
      JSON.stringify([operator, key.toLowerCase(), values.toSorted()]),
    ),
  );
  return entries.sort().join();
}

/** Whether each grant of `inner` is covered by a single grant of `outer`. */
export function covers(outer: readonly Grant[], inner: readonly Grant[]): boolean {
  const byService = Map.groupBy(outer, ({ action }) => serviceOf(action));
  return inner.every(({ action, resource, conditions }) =>
    [...(byService.get(serviceOf(action)) ?? []), ...(byService.get('*') ?? [])].some(
      (grant) =>
        (grant.resource === '*' || grant.resource === resource) &&
        (grant.conditions === '' || grant.conditions === conditions) &&
        coversPattern(grant.action, action),
    ),
  );
}

/** Returns the service prefix of an action pattern, or `*` if the pattern names no service. */
function serviceOf(action: string): string {
  const colon = action.indexOf(':');
  return colon < 0 ? '*' : action.slice(0, colon);
}

/** Whether the outer pattern matches everything that the inner pattern matches. */
function coversPattern(outer: string, inner: string): boolean {
  // A `*` of the outer pattern also matches the wildcards of the inner pattern. A `?` of the outer pattern would also
  // match a `*` of the inner pattern, although a `*` stands for any number of characters. Therefore an outer pattern
  // with `?` covers only an identical inner pattern.
  return outer === inner || (!outer.includes('?') && matchesGlyphs(plainGlyphs(outer), inner));
}
