/** All scenarios, in order of execution. The scenarios share one AWS account, and each scenario uses its own names. */
import type { Place } from '../place.ts';
import type { Scenario } from '../scenario.ts';
import { associationScenarios } from './associations.ts';
import { decisionScenarios } from './decisions.ts';
import { identityScenarios } from './identities.ts';
import { malformedScenarios } from './malformed.ts';
import { objectScenarios } from './objects.ts';
import { policyScenarios } from './policies.ts';
import { rolePolicyScenarios } from './role-policies.ts';
import { roleScenarios } from './roles.ts';

/** @returns the scenarios by area */
export const scenariosIn = (place: Place): Readonly<Record<string, readonly Scenario[]>> => ({
  Roles: [...roleScenarios(place), ...rolePolicyScenarios(place)],
  'Managed policies': policyScenarios(place),
  'Malformed policies': malformedScenarios(place),
  'What policies decide': decisionScenarios(place),
  'Identity providers and sessions': identityScenarios(place),
  'Pod Identity associations': associationScenarios(place),
  'Buckets and objects': objectScenarios(place),
});
