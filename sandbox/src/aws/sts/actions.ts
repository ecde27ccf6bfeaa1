/** STS actions. */
import { assumeRole, getCallerIdentity } from './assume-role.ts';
import type { StsAction } from './env.ts';
import { assumeRoleWithWebIdentity } from './web-identity.ts';

export const stsActions: readonly StsAction[] = [getCallerIdentity, assumeRole, assumeRoleWithWebIdentity];
