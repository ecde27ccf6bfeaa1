/**
 * Registration of the webhook with the API server: the same as on EKS, except that the API server reaches the webhook
 * by URL.
 */

/** @param caCertificate PEM */
export function webhookRegistration(port: number, caCertificate: string): WebhookRegistration {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'pod-identity-webhook' },
    webhooks: [
      {
        name: 'pod-identity-webhook.amazonaws.com',
        admissionReviewVersions: ['v1'],
        clientConfig: {
          url: `https://127.0.0.1:${port}/mutate`,
          caBundle: Buffer.from(caCertificate).toString('base64'),
        },
        // If the webhook fails, the pod is created without an identity instead of being rejected.
        failurePolicy: 'Ignore',
        sideEffects: 'None',
        timeoutSeconds: 10,
        objectSelector: {
          matchExpressions: [
            { key: 'eks.amazonaws.com/skip-pod-identity-webhook', operator: 'DoesNotExist' },
          ],
        },
        rules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: '*' },
        ],
      },
    ],
  };
}

export type WebhookRegistration = {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'MutatingWebhookConfiguration';
  readonly metadata: { readonly name: string };
  readonly webhooks: readonly object[];
};
