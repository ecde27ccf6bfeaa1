/**
 * Linter for the statements of an account. It warns about mistakes that IAM accepts: actions that do not exist, and
 * resources that the actions do not support.
 */
import type { PermissionStatement } from '../api/index.ts';
import { matchesGlyphs, plainGlyphs } from './pattern.ts';

/**
 * Actions of a service. Keys are action names in lower case. Values are the original name and the services in the ARNs
 * of the action's resources.
 */
export type ServiceActions = ReadonlyMap<
  string,
  { readonly name: string; readonly resourcesOf: readonly string[] }
>;

/** Returns the actions of a service, for example of `sqs`. Returns undefined if the service is unknown. */
export type ActionReference = (service: string) => ServiceActions | undefined;

export type LintWarning = {
  /** Position of the statement, with its sid if it has one: `statements[0]` or `statements[0] (MySid)`. */
  readonly where: string;
  readonly message: string;
};

/** Actions that give access to the permissions of other roles if the statement allows every resource. */
const escalating = /^(iam:(\*|pass\*|passrole)|sts:(\*|assume\*|assumerole))$/i;

/**
 * Returns the warnings about the statements.
 * @param now milliseconds since the epoch
 */
export function lintStatements(
  statements: readonly PermissionStatement[],
  reference: ActionReference,
  now: number,
): readonly LintWarning[] {
  return statements.flatMap((statement, index) => {
    const where =
      statement.sid === undefined ? `statements[${index}]` : `statements[${index}] (${statement.sid})`;
    return warningsOf(statement, reference, now).map((message) => ({ where, message }));
  });
}

function warningsOf(
  { actions, resources, until }: PermissionStatement,
  reference: ActionReference,
  now: number,
): readonly string[] {
  const warnings: string[] = [];
  const isEverywhere = resources.includes('*');
  const services = resources.map((resource) => resource.split(':')[2] ?? '*');
  const applied = new Set<string>();
  for (const action of actions) {
    const [service = '', pattern = ''] = action.split(':');
    if (service === '*') {
      warnings.push('* allows the actions of every service; name the services');
      continue;
    }
    const known = reference(service);
    if (!known) {
      warnings.push(`there is no service "${service}" with IAM actions`);
      continue;
    }
    const glyphs = plainGlyphs(pattern.toLowerCase());
    const matched = [...known].filter(([name]) => matchesGlyphs(glyphs, name)).map(([, found]) => found);
    if (matched.length === 0) {
      warnings.push(`${action} is not an action of ${service}`);
      continue;
    }
    if (isEverywhere && pattern === '*')
      warnings.push(
        `${action} on * allows every action of ${service} on every resource; list the needed resources`,
      );
    if (isEverywhere && escalating.test(action))
      warnings.push(`${action} on * gives access to the permissions of other roles; name the roles`);
    for (const { resourcesOf } of matched) for (const each of resourcesOf) applied.add(each);
    if (isEverywhere) continue;
    const withoutResource = matched.every(({ resourcesOf }) => resourcesOf.length === 0);
    if (withoutResource)
      warnings.push(
        `${action} does not support specific resources, so it is allowed only with resources: ["*"]`,
      );
    else if (!matched.some(({ resourcesOf }) => resourcesOf.some((each) => services.includes(each))))
      warnings.push(`${action} does not apply to any of the resources`);
  }
  for (const [index, service] of services.entries())
    if (service !== '*' && applied.size > 0 && !applied.has(service))
      warnings.push(`no action of the statement applies to ${resources[index]}`);
  if (until !== undefined && Date.parse(until) <= now)
    warnings.push(`the statement ended at ${until}; remove it`);
  return warnings;
}
