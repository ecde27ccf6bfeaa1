/**
 * Selector of an App's pods for its Service, Deployment and PodDisruptionBudget. The labels must never change, since
 * the selector of a Deployment is immutable.
 */
import { appLabel, type App } from '../api/index.ts';

export function podSelector(app: App): Readonly<Record<string, string>> {
  return { [appLabel]: app.metadata.name };
}
