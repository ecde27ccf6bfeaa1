/** Validates names as Kubernetes does, before an editor opens. */
import { isReservedTarget } from '../../api/cluster-config.ts';
import { accountKind, appKind, type Kind } from '../cluster/kinds.ts';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const serviceName = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

export function nameProblem(kind: Kind, name: string): string | undefined {
  if (kind === appKind)
    return name.length <= 63 && serviceName.test(name)
      ? undefined
      : `invalid app name "${name}": use at most 63 lower-case letters, digits and "-", beginning with a letter and not ending in "-"`;
  if (kind === accountKind && name === 'default')
    return 'invalid account name "default": all pods without a ServiceAccount would hold its permissions';
  const noun = kind === accountKind ? 'an account' : `a ${kind.noun}`;
  return name.length <= 253 && subdomain.test(name)
    ? undefined
    : `invalid name "${name}" for ${noun}: use at most 253 lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit`;
}

export function targetNameProblem(name: string): string | undefined {
  if (isReservedTarget(name))
    return `the namespace "${name}" cannot be a target: default and kube-* are reserved for Kubernetes`;
  return name.length <= 63 && label.test(name)
    ? undefined
    : `invalid target name "${name}": use at most 63 lower-case letters, digits and "-", beginning and ending with a letter or digit`;
}
