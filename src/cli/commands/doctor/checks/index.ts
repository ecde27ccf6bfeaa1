/** All checks in order. Each check comes after the checks that it needs. */
import type { Check, Run } from '../check.ts';
import { registeredChecks, type CheckId } from '../registry.ts';
import { awsChecks } from './aws.ts';
import { clusterChecks } from './cluster.ts';
import { configurationChecks } from './configuration.ts';
import { environmentChecks } from './environment.ts';
import { identityChecks } from './identity.ts';
import { operatorChecks } from './operator.ts';

const runs: Readonly<Record<CheckId, Run>> = {
  ...environmentChecks,
  ...clusterChecks,
  ...operatorChecks,
  ...configurationChecks,
  ...awsChecks,
  ...identityChecks,
};

export const checks: readonly Check[] = registeredChecks.map((check) => ({ ...check, run: runs[check.id] }));
