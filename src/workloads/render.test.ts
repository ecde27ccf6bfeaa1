import { describe, expect, test } from 'vitest';
import type { App } from '../api/index.ts';
import type { Deployment } from './deployment.ts';
import type { Identity } from './identity-gate.ts';
import type { Manifest } from './manifest.ts';
import { render } from './render.ts';
import { app, identityOf, target } from './testing/fixtures.ts';
import { valueAt } from './testing/simulated-cluster.ts';

function rendered(of: App, identity?: Identity, observed?: Deployment): ReadonlyMap<string, Manifest> {
  const [first] = of.spec.targets;
  if (!first) throw new Error('the app has no target');
  return new Map(
    render({ app: of, target: first, identity, observed, others: new Map() }).map((manifest) => [
      manifest.kind,
      manifest,
    ]),
  );
}

const containerPath = ['spec', 'template', 'spec', 'containers', 0];

describe('render', () => {
  test('renders a minimal app as one Deployment', () => {
    const manifests = rendered(app());
    expect([...manifests.keys()]).toEqual(['Deployment']);
    expect(manifests.get('Deployment')).toMatchObject({
      metadata: {
        name: 'web',
        namespace: 'production',
        labels: {
          'app.kubernetes.io/name': 'web',
          'app.kubernetes.io/managed-by': 'konstellation',
          'k11n.dev/app': 'web',
          'k11n.dev/target': 'production',
        },
        ownerReferences: [{ kind: 'App', name: 'web', uid: 'uid-of-web', controller: true }],
      },
      spec: {
        replicas: 1,
        selector: { matchLabels: { 'k11n.dev/app': 'web' } },
        template: {
          metadata: { labels: { 'k11n.dev/app': 'web' } },
          spec: {
            serviceAccountName: 'default',
            automountServiceAccountToken: false,
            containers: [{ name: 'web', image: 'example.com/web' }],
          },
        },
      },
    });
  });

  test('adds nothing but the ServiceAccount and the identity mark to the pod template if the app names an account', () => {
    const without = rendered(app()).get('Deployment');
    const identity = identityOf();
    const withAccount = rendered(app({ serviceAccount: 'payments' }), identity).get('Deployment');
    expect(valueAt(withAccount, ['spec', 'template', 'metadata', 'annotations'])).toEqual({
      'k11n.dev/identity': identity.mark,
    });
    expect(valueAt(withAccount, ['spec', 'template', 'spec', 'serviceAccountName'])).toBe('payments');
    expect(valueAt(withAccount, containerPath)).toEqual(valueAt(without, containerPath));
  });

  test.each([
    [{ image: 'web' }, 'web'],
    [{ image: 'web', imageTag: '1.2' }, 'web:1.2'],
    [{ image: 'team/web', imageTag: '1.2', registry: 'localhost:5000/' }, 'localhost:5000/team/web:1.2'],
  ])('renders an app with the spec %o as a container with the image %s', (spec, image) => {
    expect(valueAt(rendered(app(spec)).get('Deployment'), [...containerPath, 'image'])).toBe(image);
  });

  test('renders an app with all fields as objects of all kinds', () => {
    const manifests = rendered(
      app({
        ports: [
          { name: 'http', port: 8080, protocol: 'TCP' },
          { name: 'admin', port: 9090, protocol: 'TCP' },
        ],
        command: ['/web'],
        args: ['--verbose'],
        env: [
          { name: 'A', value: '1' },
          { name: 'B', valueFrom: { secretKeyRef: { name: 'secrets', key: 'b' } } },
        ],
        imagePullSecrets: ['registry'],
        resources: { requests: { cpu: '500m' } },
        probes: { readiness: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 5 } },
        scale: { min: 2, max: 5, targetCPUUtilizationPercentage: 60 },
        targets: [
          target('production', {
            env: [
              { name: 'A', value: '2' },
              { name: 'C', value: '3' },
            ],
            resources: { limits: { memory: '1Gi' } },
            ingress: {
              hosts: ['a.example', 'b.example'],
              port: 'admin',
              className: 'nginx',
              annotations: { x: 'y' },
            },
          }),
        ],
      }),
    );
    expect([...manifests.keys()]).toEqual([
      'Service',
      'PodDisruptionBudget',
      'Deployment',
      'HorizontalPodAutoscaler',
      'Ingress',
    ]);
    expect(manifests.get('Service')?.spec).toEqual({
      type: 'ClusterIP',
      selector: { 'k11n.dev/app': 'web' },
      ports: [
        { name: 'http', port: 8080, targetPort: 8080, protocol: 'TCP' },
        { name: 'admin', port: 9090, targetPort: 9090, protocol: 'TCP' },
      ],
    });
    expect(valueAt(manifests.get('Deployment'), containerPath)).toEqual({
      name: 'web',
      image: 'example.com/web',
      securityContext: { allowPrivilegeEscalation: false },
      command: ['/web'],
      args: ['--verbose'],
      ports: [
        { name: 'http', containerPort: 8080, protocol: 'TCP' },
        { name: 'admin', containerPort: 9090, protocol: 'TCP' },
      ],
      env: [
        { name: 'A', value: '2' },
        { name: 'B', valueFrom: { secretKeyRef: { name: 'secrets', key: 'b' } } },
        { name: 'C', value: '3' },
      ],
      resources: { limits: { memory: '1Gi' } },
      readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 5 },
    });
    expect(manifests.get('HorizontalPodAutoscaler')?.spec).toMatchObject({
      minReplicas: 2,
      maxReplicas: 5,
      scaleTargetRef: { kind: 'Deployment', name: 'web' },
      metrics: [{ resource: { target: { averageUtilization: 60 } } }],
    });
    expect(manifests.get('Ingress')).toMatchObject({
      metadata: { annotations: { x: 'y' } },
      spec: {
        ingressClassName: 'nginx',
        rules: [
          {
            host: 'a.example',
            http: { paths: [{ path: '/', backend: { service: { port: { name: 'admin' } } } }] },
          },
          { host: 'b.example' },
        ],
      },
    });
  });
});

describe('replicas', () => {
  const replicasOf = (of: App, observed?: Deployment): unknown =>
    valueAt(rendered(of, undefined, observed).get('Deployment'), ['spec', 'replicas']);
  const seen = (replicas: number, annotations: Record<string, string> = {}): Deployment => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', annotations },
    spec: { replicas },
  });
  const fixed = app({ scale: { min: 3 } });
  const autoscaled = app({ scale: { min: 2, max: 9 } });
  const halted = app({ scale: { min: 2, max: 9 }, targets: [target('production', { deployMode: 'halt' })] });

  test('are set by the manifest while the app owns their number', () => {
    expect(replicasOf(fixed)).toBe(3);
    expect(replicasOf(fixed, seen(7))).toBe(3);
  });

  test('start at the minimum if an autoscaler will own their number', () => {
    expect(replicasOf(autoscaled)).toBe(2);
  });

  test('are part of every apply until another field manager changes the number, because the API server resets an omitted number to 1', () => {
    expect(replicasOf(autoscaled, seen(3, { 'k11n.dev/applied-replicas': '3' }))).toBe(3);
  });

  test('are omitted from the apply once the autoscaler has changed the number', () => {
    expect(replicasOf(autoscaled, seen(5, { 'k11n.dev/applied-replicas': '3' }))).toBeUndefined();
    expect(replicasOf(autoscaled, seen(5))).toBeUndefined();
  });

  test('are stored when a halt begins, and restored when the halt ends', () => {
    const halt = rendered(halted, undefined, seen(7)).get('Deployment');
    expect(valueAt(halt, ['spec', 'replicas'])).toBe(0);
    const annotations = halt?.metadata.annotations ?? {};
    expect(rendered(halted, undefined, seen(0, annotations)).get('Deployment')).toEqual(halt);
    expect(replicasOf(autoscaled, seen(0, annotations))).toBe(7);
    expect(replicasOf(fixed, seen(0, annotations))).toBe(3);
  });

  test('get an autoscaler and a disruption budget only on targets that need these objects', () => {
    expect([...rendered(halted).keys()]).toEqual(['Deployment']);
    expect([...rendered(app({ scale: { min: 2, max: 2 } })).keys()]).toEqual([
      'PodDisruptionBudget',
      'Deployment',
    ]);
    expect([...rendered(app({ scale: { min: 0, max: 1 } })).keys()]).toEqual([
      'Deployment',
      'HorizontalPodAutoscaler',
    ]);
  });
});
