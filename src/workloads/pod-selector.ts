/** How an App's Service, Deployment and PodDisruptionBudget find its pods. It can never change: a Deployment's selector is immutable. */
import { appLabel, type App } from '../api/index.ts';

export function podSelector(app: App): Readonly<Record<string, string>> {
  return { [appLabel]: app.metadata.name };
}
