import { wholeNumber } from '../../../framework/options.ts';
import { defineCommand } from '../../../framework/command.ts';

export const sandboxAwsCommand = defineCommand({
  description:
    'Serves IAM, STS, EKS and a small S3 over HTTP on loopback, for unmodified AWS SDKs and the AWS CLI: set AWS_ENDPOINT_URL to its address. AssumeRoleWithWebIdentity accepts the tokens of one issuer if the issuer’s keys are given.',
  options: {
    port: {
      value: 'N',
      parse: wholeNumber('a port', 0, 65_535),
      default: '0',
      summary: 'port to listen on (0: any free port)',
    },
    'account-id': { value: 'ID', default: '123456789012', summary: 'ID of the emulated AWS account' },
    region: { value: 'REGION', default: 'us-west-2', summary: 'region of the emulated AWS account' },
    issuer: {
      value: 'URL',
      summary: 'issuer whose tokens STS accepts; the emulator creates an OIDC provider for the issuer',
    },
    'issuer-keys': {
      value: 'URL|FILE',
      summary: "URL of the issuer's keys (JWKS)",
      complete: 'files',
    },
    'issuer-ca': {
      value: 'FILE',
      summary: 'CA certificate of the server that serves the issuer’s keys',
      complete: 'files',
    },
    settings: {
      value: 'FILE',
      summary: 'read users, issuers and clusters from a JSON file, in the format that a sandbox writes',
      complete: 'files',
    },
  },
  returns: 'document',
  examples: {
    'Start an emulated AWS account to try policies': 'kon sandbox aws --port 4566',
    'Accept the tokens of another cluster':
      'kon sandbox aws --issuer https://oidc.example.com --issuer-keys https://127.0.0.1:6443/openid/v1/jwks --issuer-ca ca.crt',
  },
  run: async (context, { options }) => (await import('./handler.ts')).aws(context, options),
});
