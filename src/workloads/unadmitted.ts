/**
 * Apps that were created while the admission policies were not enforced. No policy has checked whether their author may deploy to
 * their targets or use their account, so they are deployed only where they ran before. The evidence is a Deployment that the App
 * owns. Anyone who can forge this evidence may create Deployments in the namespace, and can therefore already run pods there with
 * any of its ServiceAccounts.
 */
import type { App, AppTarget } from '../api/index.ts';
import { beforePolicies, wasAdmitted } from '../k8s/admitted.ts';
import type { Wall } from '../k8s/time.ts';

/** Returns the reason why nothing is deployed to the target; undefined for an App that was admitted, or ran there before. */
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
  return `the app was created before ${beforePolicies(admittedSince)}, so the right to deploy to ${target.name} was never checked: nothing is deployed there. Delete it and create it again${others}: kon app export ${name} > ${name}.yaml; kon app delete ${name}; kon apply -f ${name}.yaml`;
}
