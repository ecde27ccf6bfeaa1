/**
 * Checks the action and resource of `kon account can-i`. The IAM policy simulator answers "denied" for actions and ARNs
 * that cannot exist, so a typing error would look like a missing permission. Pure.
 */
import { usageError } from '../framework/errors.ts';

/** Source: IAM API, SimulatePrincipalPolicy: actions have the form `service:Action`, and wildcards are not supported. */
const actionPattern = /^[a-z][a-z0-9-]*:[A-Za-z][A-Za-z0-9]*$/;
/** Source: AWS General Reference, "Amazon Resource Names": arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE */
const arnPattern = /^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:.+$/;

/** @throws CliError of code USAGE */
export function requireQuestion(action: string, resource: string): void {
  if (!actionPattern.test(action))
    throw usageError(
      `"${action}" is not an action`,
      /[*?]/.test(action)
        ? 'IAM simulates single actions: ask for each one, for example s3:GetObject'
        : 'Pass service:Action, for example s3:GetObject',
    );
  if (resource !== '*' && !arnPattern.test(resource))
    throw usageError(
      `"${resource}" is not an ARN`,
      action.startsWith('s3:') && /^[a-z0-9.-]{3,63}(\/.*)?$/.test(resource)
        ? `For a bucket or an object, pass arn:aws:s3:::${resource}`
        : 'Pass the resource as arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, or omit the resource to ask for all resources',
    );
}
