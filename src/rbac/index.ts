/** The RBAC roles and admission policies that an installation creates for the operator and for people. */
export * from './account-admission.ts';
export * from './admission-policy.ts';
export * from './admission-probe.ts';
export * from './app-admission.ts';
export * from './cluster-admission.ts';
export * from './deletion-protection.ts';
export * from './operator-admission.ts';
export * from './operator-objects.ts';
export * from './operator-rules.ts';
export * from './people-roles.ts';
export * from './quarantine-admission.ts';
export * from './uninstalling.ts';
