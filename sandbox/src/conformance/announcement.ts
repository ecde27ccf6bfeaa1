/** Summary of a conformance run. A person confirms the summary before the run creates anything. */
import { walkSuffix, type Place } from './place.ts';
import { operationOf, type Scenario } from './scenario.ts';
import { scenariosIn } from './table/table.ts';

/**
 * Number of objects that the experiments (`measurements.ts`) create. The numbers are constants, because the scenario
 * table does not contain the experiments.
 */
const measured = { roles: 9, policies: 1 };

/** @param target the target of the walkthrough, if the run has a walkthrough */
export function announcement(place: Place, target?: string): string {
  const count = counter(Object.values(scenariosIn(place)).flat());
  const { cluster } = place;
  const providers = count('CreateOpenIDConnectProvider');
  return [
    `Run ${place.run} as ${place.callerArn} creates in AWS account ${place.accountId}, and removes afterwards:`,
    `  at most ${count('CreateRole') + measured.roles} IAM roles and ${count('CreatePolicy') + measured.policies} policies under ${place.path}`,
    `  at most ${providers} IAM OIDC providers, one at a time, for ${place.madeUpIssuer}${cluster && !cluster.hasProvider ? ` and ${cluster.issuerHost}` : ''}`,
    `  at most ${count('CreateBucket')} S3 buckets named ${place.prefix}* in ${place.region}, with a few small objects`,
    ...(cluster
      ? [
          `  a namespace ${cluster.namespace} with two ServiceAccounts, and one Pod Identity association, in EKS cluster ${cluster.name}`,
        ]
      : []),
    ...(target === undefined
      ? []
      : [
          `  an account ${place.prefix}${walkSuffix} of target ${target}, for which the operator creates one IAM role without permissions, and an app of that name with one pod`,
        ]),
    `The names of roles and policies begin with ${place.prefix}. Roles, policies and providers have the tag ` +
      `konstellation-conformance=${place.run}. S3 costs less than a cent; IAM, STS and associations are free.`,
    '',
  ].join('\n');
}

const counter =
  (scenarios: readonly Scenario[]) =>
  (operation: string): number =>
    scenarios
      .filter(({ skip }) => skip === undefined)
      .flatMap(({ steps }) => steps)
      .filter((step) => operationOf(step) === operation).length;
