/** Every check, in the order in which they are made: what others need comes first. */
import type { Check } from '../check.ts';
import { awsChecks } from './aws.ts';
import { clusterChecks } from './cluster.ts';
import { configurationChecks } from './configuration.ts';
import { environmentChecks } from './environment.ts';
import { identityChecks } from './identity.ts';
import { operatorChecks } from './operator.ts';

export const checks: readonly Check[] = [
  ...environmentChecks,
  ...clusterChecks,
  ...operatorChecks,
  ...configurationChecks,
  ...awsChecks,
  ...identityChecks,
];
