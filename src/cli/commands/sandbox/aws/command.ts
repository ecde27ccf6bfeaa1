import { wholeNumber } from '../../../framework/options.ts';
import { defineCommand } from '../../../framework/command.ts';

export const sandboxAwsCommand = defineCommand({
  description:
    'Serves IAM, STS, EKS and a small S3 over HTTP on loopback, for stock AWS SDKs and the AWS CLI: point AWS_ENDPOINT_URL at it. AssumeRoleWithWebIdentity accepts the tokens of one issuer if its keys are given.',
  options: [
    {
      name: 'port',
      value: 'N',
      parse: wholeNumber('a port', 0, 65_535),
      default: '0',
      summary: 'port to listen on; 0 for any free port',
    },
    { name: 'account-id', value: 'ID', default: '123456789012', summary: 'of the AWS account' },
    { name: 'region', value: 'REGION', default: 'us-west-2', summary: 'of the AWS account' },
    {
      name: 'issuer',
      value: 'URL',
      summary: 'issuer whose tokens are accepted; becomes an OIDC provider in IAM',
    },
    {
      name: 'issuer-keys',
      value: 'URL|FILE',
      summary: "URL of the issuer's keys (JWKS)",
      complete: 'files',
    },
    {
      name: 'issuer-ca',
      value: 'FILE',
      summary: 'CA certificate of the server of the keys',
      complete: 'files',
    },
    {
      name: 'settings',
      value: 'FILE',
      summary: 'users, issuers and clusters from a JSON file, as a sandbox writes it',
      complete: 'files',
    },
  ],
  returns: 'document',
  examples: [
    { does: 'Start an AWS account to try policies', command: 'kon sandbox aws --port 4566' },
    {
      does: 'Accept the tokens of another cluster',
      command:
        'kon sandbox aws --issuer https://oidc.example.com --issuer-keys https://127.0.0.1:6443/openid/v1/jwks --issuer-ca ca.crt',
    },
  ],
  run: async (context, { options }) => {
    const { aws } = await import('./handler.ts');
    return aws(context, options);
  },
});
