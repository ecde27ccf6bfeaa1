/**
 * Record of the calls that role sessions attempted, as IAM keeps it for last accessed information. Denied calls count
 * too.
 * Source: IAM User Guide, "Refine permissions in AWS using last accessed information".
 */

import type { Role } from './model.ts';

/** `time` is in milliseconds since the epoch. */
export type Access = { readonly time: number; readonly region: string };

export type ServiceAccess = {
  readonly last: Access;
  /** Keyed by the name of the IAM action, for example `ListAllMyBuckets`. */
  readonly actions: ReadonlyMap<string, Access>;
};

/** A job that reports which services and actions a role has used. Times are in milliseconds since the epoch. */
export type AccessReport = {
  readonly id: string;
  /** Unique id of the caller. No other caller can read the report. */
  readonly owner: string;
  readonly createdAt: number;
  readonly completedAt: number;
  readonly granularity: 'SERVICE_LEVEL' | 'ACTION_LEVEL';
  readonly role: Role;
};

export type AccessLog = {
  /** @param action IAM action, for example `s3:ListAllMyBuckets` */
  readonly record: (roleId: string, action: string, access: Access) => void;
  /** Returns the latest calls that sessions of the role attempted, keyed by service prefix. */
  readonly of: (roleId: string) => ReadonlyMap<string, ServiceAccess>;
  readonly forget: (roleId: string) => void;
};

export function createAccessLog(): AccessLog {
  const byRole = new Map<string, Map<string, { last: Access; readonly actions: Map<string, Access> }>>();
  return {
    record: (roleId, action, access) => {
      const [service = '', name = ''] = action.split(':');
      const services = byRole.get(roleId) ?? new Map();
      byRole.set(roleId, services);
      const known = services.get(service) ?? { last: access, actions: new Map<string, Access>() };
      services.set(service, known);
      known.last = access;
      known.actions.set(name, access);
    },
    of: (roleId) => byRole.get(roleId) ?? new Map(),
    forget: (roleId) => {
      byRole.delete(roleId);
    },
  };
}
