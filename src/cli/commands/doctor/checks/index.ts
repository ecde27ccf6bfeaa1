/** All checks in order. Each check comes after the checks that it needs. */
import type { Check, CheckDefinition } from '../check.ts';
import { awsChecks } from './aws.ts';
import { clusterChecks } from './cluster.ts';
import { configurationChecks } from './configuration.ts';
import { environmentChecks } from './environment.ts';
import { identityChecks } from './identity.ts';
import { operatorChecks } from './operator.ts';

const inCategory = (category: Check['category'], definitions: readonly CheckDefinition[]): readonly Check[] =>
  definitions.map((definition) => ({ needs: [], mayPass: false, ...definition, category }));

export const checks: readonly Check[] = [
  ...inCategory('Environment', environmentChecks),
  ...inCategory('Cluster', clusterChecks),
  ...inCategory('Operator', operatorChecks),
  ...inCategory('Configuration', configurationChecks),
  ...inCategory('AWS', awsChecks),
  ...inCategory('Identity', identityChecks),
];
