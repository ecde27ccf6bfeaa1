/** Service of an App: it has the ports and the name of the App. */
import type { App } from '../api/index.ts';
import type { JsonObject } from './manifest.ts';
import { podSelector } from './pod-selector.ts';

export function renderService(app: App): JsonObject | undefined {
  const ports = app.spec.ports ?? [];
  if (ports.length === 0) return undefined;
  return {
    type: 'ClusterIP',
    selector: podSelector(app),
    ports: ports.map(({ name, port, protocol }) => ({ name, port, targetPort: port, protocol })),
  };
}
