/** Apps, accounts and clusters for tests of this folder. */
import {
  apiVersion,
  type App,
  type AppSpec,
  type AppTarget,
  type LinkedServiceAccount,
  type TargetStatus,
} from '../../api/index.ts';
import type { Identity } from '../identity-gate.ts';
import { identityMark } from '../identity-gate.ts';
import type { AppObservation } from '../plan.ts';

export const roleArn = 'arn:aws:iam::111122223333:role/konstellation/kon-main-payments-abc';
export const otherRoleArn = 'arn:aws:iam::111122223333:role/konstellation/kon-main-payments-def';

export function identityOf(arn: string = roleArn): Identity {
  const wanted = { roleArn: arn, audience: 'sts.amazonaws.com' };
  return { ...wanted, mark: identityMark(wanted) };
}

export function target(name: string, fields: Partial<AppTarget> = {}): AppTarget {
  return { name, deployMode: 'latest', ...fields };
}

export function app(spec: Partial<AppSpec> = {}, metadata: Partial<App['metadata']> = {}): App {
  return {
    apiVersion,
    kind: 'App',
    metadata: { name: 'web', uid: 'uid-of-web', generation: 1, ...metadata },
    spec: { image: 'example.com/web', targets: [target('production')], ...spec },
  };
}

export function account(
  targets: readonly TargetStatus[],
  options: { only?: string[]; deleting?: boolean } = {},
): LinkedServiceAccount {
  return {
    apiVersion,
    kind: 'LinkedServiceAccount',
    metadata: {
      name: 'payments',
      uid: 'uid-of-payments',
      ...(options.deleting ? { deletionTimestamp: '2026-11-24T08:00:00Z' } : {}),
    },
    spec: {
      ...(options.only ? { targets: options.only } : {}),
      aws: { policyArns: [] },
      deletionPolicy: 'Delete',
    },
    status: { targets: [...targets] },
  };
}

export function row(name: string, fields: Partial<TargetStatus> = {}): TargetStatus {
  return { name, roleArn, linked: true, proven: true, ...fields };
}

export function observation(fields: Partial<AppObservation> & Pick<AppObservation, 'app'>): AppObservation {
  return {
    account: undefined,
    knownTargets: new Set(['production', 'staging']),
    namespaces: new Map([
      ['production', 'present'],
      ['staging', 'present'],
    ]),
    objects: [],
    pods: [],
    ...fields,
  };
}
