/** All scenarios, in the order of their runs. They share an account, and each uses names of its own. */
import type { Scenario } from '../scenario.ts';
import { associationScenarios } from './associations.ts';
import { decisionScenarios } from './decisions.ts';
import { identityScenarios } from './identities.ts';
import { malformedScenarios } from './malformed.ts';
import { objectScenarios } from './objects.ts';
import { policyScenarios } from './policies.ts';
import { roleScenarios } from './roles.ts';

export const areas: Readonly<Record<string, readonly Scenario[]>> = {
  Roles: roleScenarios,
  'Managed policies': policyScenarios,
  'Malformed policies': malformedScenarios,
  'What policies decide': decisionScenarios,
  'Identity providers and sessions': identityScenarios,
  'Pod Identity associations': associationScenarios,
  'Buckets and objects': objectScenarios,
};
