/** Ingress of an App on a target: all hosts and paths are routed to one port of its Service. */
import type { App } from '../api/index.ts';
import { defined } from '../k8s/defined.ts';
import type { JsonObject } from './manifest.ts';
import type { TargetSpec } from './target-spec.ts';

export function renderIngress(app: App, target: TargetSpec): JsonObject | undefined {
  const { ingress } = target;
  const port = ingress?.port ?? app.spec.ports?.[0]?.name;
  if (!ingress || port === undefined) return undefined;
  const paths = (ingress.paths ?? ['/']).map((path) => ({
    path,
    pathType: 'Prefix',
    backend: { service: { name: app.metadata.name, port: { name: port } } },
  }));
  return {
    ...defined({ ingressClassName: ingress.className }),
    rules: ingress.hosts.map((host) => ({ host, http: { paths } })),
  };
}
