/**
 * Apps that were created while the admission policies were not enforced. No policy has checked whether the author of
 * such an App is permitted to deploy to its targets and to use its account. Therefore, the App is deployed only to
 * targets where it ran before, as shown by a Deployment that the App owns. A user who can forge such a Deployment is
 * permitted to create Deployments in the namespace. That user can already run pods there with any of its
 * ServiceAccounts, so a forged Deployment grants nothing new.
 */
import type { App, AppTarget } from '../api/index.ts';
import { beforePolicies, wasAdmitted } from '../k8s/admitted.ts';
import type { Wall } from '../k8s/time.ts';

/**
 * Returns the reason why nothing is deployed to the target; undefined if the admission policies admitted the App, or if
 * the App ran on the target before.
 */
export function unadmitted(
  of: { readonly app: App; readonly admittedSince?: Wall; readonly deployedIn?: ReadonlySet<string> },
  target: AppTarget,
): string | undefined {
  const { app, admittedSince, deployedIn = new Set<string>() } = of;
  if (admittedSince === undefined || wasAdmitted(app.metadata, admittedSince)) return undefined;
  if (deployedIn.has(target.name)) return undefined;
  const { name } = app.metadata;
  const others =
    deployedIn.size > 0 ? `, which stops it in ${[...deployedIn].sort().join(', ')} meanwhile` : '';
  return `the app was created before ${beforePolicies(admittedSince)}, so no policy has checked whether the creator of the app is permitted to deploy to ${target.name}. Therefore, nothing is deployed there. Delete the app and create it again${others}: kon app export ${name} > ${name}.yaml; kon app delete ${name}; kon apply -f ${name}.yaml`;
}
