/**
 * Refuses a question about an IAM action that does not exist, because the IAM policy simulator reports any unknown
 * action as denied.
 */
import { iamActions, iamServices } from '../../aws/catalogue/iam-actions.ts';
import { closest } from '../framework/closest.ts';
import { usageError } from '../framework/errors.ts';

/** @param action as `service:Action`. @throws CliError of code USAGE */
export function requireKnownAction(action: string): void {
  const [service = '', name = ''] = action.split(':');
  const actions = iamActions(service);
  if (actions?.has(name.toLowerCase())) return;
  const meant = actions
    ? closest(
        name,
        [...actions.values()].map((each) => each.name),
      )
    : closest(service, iamServices());
  throw usageError(
    actions ? `AWS has no action "${action}"` : `AWS has no service "${service}" with IAM actions`,
    ...(meant === undefined ? [] : [`Did you mean ${actions ? `${service}:${meant}` : `${meant}:${name}`}?`]),
    'To ask IAM anyway: --force',
  );
}
