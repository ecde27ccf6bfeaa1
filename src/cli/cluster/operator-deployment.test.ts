import { expect, it } from 'vitest';
import { operatorVersion, type OperatorDeployment } from './operator-deployment.ts';

const deployment = (image: string, labels?: Record<string, string>): OperatorDeployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'konstellation', ...(labels ? { labels } : {}) },
  spec: { template: { spec: { containers: [{ image }] } } },
});

it.each([
  ['ghcr.io/k11n/konstellation:0.1.0', '0.1.0'],
  ['ghcr.io/k11n/konstellation:v0.1.0', '0.1.0'],
  ['localhost:5000/konstellation:0.1.0@sha256:abcd', '0.1.0'],
  ['localhost:5000/konstellation@sha256:abcd', undefined],
  ['localhost:5000/konstellation', undefined],
])('the tag of the image %s is the version %s', (image, version) => {
  expect(operatorVersion(deployment(image))).toBe(version);
});

it('the version in the recommended Kubernetes label takes precedence over the image tag', () => {
  expect(operatorVersion(deployment('x:main', { 'app.kubernetes.io/version': '0.2.0' }))).toBe('0.2.0');
});
