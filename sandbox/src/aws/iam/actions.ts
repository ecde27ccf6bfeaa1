/** IAM actions. */
import { accountActions } from './account.ts';
import type { IamAction } from './env.ts';
import { instanceProfileActions } from './instance-profiles.ts';
import { lastAccessedActions } from './last-accessed.ts';
import { managedPolicyActions } from './managed-policies.ts';
import { oidcProviderActions } from './oidc-providers.ts';
import { rolePolicyActions } from './role-policies.ts';
import { roleActions } from './roles.ts';
import { simulationActions } from './simulation.ts';
import { userActions } from './users.ts';

export const iamActions: readonly IamAction[] = [
  ...roleActions,
  ...rolePolicyActions,
  ...managedPolicyActions,
  ...oidcProviderActions,
  ...instanceProfileActions,
  ...accountActions,
  ...simulationActions,
  ...lastAccessedActions,
  ...userActions,
];
