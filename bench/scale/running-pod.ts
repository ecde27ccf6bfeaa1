/** A pod as a large cluster has them: of a Deployment, with the settings of a usual app and what the webhook writes in. */
import type { KubeObject } from '../../src/kube/index.ts';

export function runningPod(
  index: number,
  namespaces: number,
  accounts: number,
): KubeObject & Record<string, unknown> {
  const app = Math.floor(index / 10);
  const tokenFolder = '/var/run/secrets/eks.amazonaws.com/serviceaccount';
  const setting = (name: string, value: string) => ({ name, value });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: `namespace-${index % namespaces}`,
      name: `app-${app}-6d4b75cb6d-${index}`,
      labels: {
        'app.kubernetes.io/name': `app-${app}`,
        'app.kubernetes.io/instance': `app-${app}`,
        'pod-template-hash': '6d4b75cb6d',
      },
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' },
    },
    spec: {
      serviceAccountName: `account-${app % accounts}`,
      containers: [
        {
          name: 'app',
          image: `registry.example.com/team/app-${app}:1.0.${index % 10}`,
          ports: [{ containerPort: 8080 }],
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
          readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
          env: [
            setting('AWS_STS_REGIONAL_ENDPOINTS', 'regional'),
            setting('AWS_DEFAULT_REGION', 'eu-west-1'),
            setting('AWS_REGION', 'eu-west-1'),
            setting(
              'AWS_ROLE_ARN',
              `arn:aws:iam::123456789012:role/konstellation/kon-bench-account-${app % accounts}`,
            ),
            setting('AWS_WEB_IDENTITY_TOKEN_FILE', `${tokenFolder}/token`),
            ...Array.from({ length: 20 }, (_, at) => setting(`SETTING_${at}`, `value-${at}`)),
          ],
          volumeMounts: [{ name: 'aws-iam-token', mountPath: tokenFolder, readOnly: true }],
        },
      ],
      volumes: [
        {
          name: 'aws-iam-token',
          projected: {
            sources: [
              {
                serviceAccountToken: {
                  audience: 'sts.amazonaws.com',
                  expirationSeconds: 86_400,
                  path: 'token',
                },
              },
            ],
          },
        },
      ],
    },
  };
}
