/** Fields that the pod identity webhook writes into a pod and its containers. */

const tokenFolder = '/var/run/secrets/eks.amazonaws.com/serviceaccount';
const name = 'aws-iam-token';

export const injectedVolume = {
  name,
  projected: {
    sources: [
      { serviceAccountToken: { audience: 'sts.amazonaws.com', expirationSeconds: 86_400, path: 'token' } },
    ],
  },
} as const;

export const injectedMount = { name, mountPath: tokenFolder, readOnly: true } as const;

export function injectedEnv(
  roleArn: string,
  region = 'eu-west-1',
): readonly { readonly name: string; readonly value: string }[] {
  return [
    { name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'regional' },
    { name: 'AWS_DEFAULT_REGION', value: region },
    { name: 'AWS_REGION', value: region },
    { name: 'AWS_ROLE_ARN', value: roleArn },
    { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: `${tokenFolder}/token` },
  ];
}
