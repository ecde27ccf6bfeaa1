/** Policy documents that several scenarios use. */
import { accountId } from '../scenario.ts';

export const policyText = (statement: object | readonly object[], version = '2012-10-17'): string =>
  JSON.stringify({ Version: version, Statement: statement });

export const issuerHost = 'oidc.eks.us-east-1.amazonaws.com/id/SCENARIOS';
export const providerArn = `arn:aws:iam::${accountId}:oidc-provider/${issuerHost}`;

export const trustAccount = policyText({
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${accountId}:root` },
  Action: 'sts:AssumeRole',
});
export const trustRole = (name: string): string =>
  policyText({ Effect: 'Allow', Principal: { AWS: roleArn(name) }, Action: 'sts:AssumeRole' });
export const trustNobody = policyText({
  Effect: 'Allow',
  Principal: { Service: 'ec2.amazonaws.com' },
  Action: 'sts:AssumeRole',
});
export const trustServiceAccount = policyText({
  Effect: 'Allow',
  Principal: { Federated: providerArn },
  Action: 'sts:AssumeRoleWithWebIdentity',
  Condition: {
    StringEquals: {
      [`${issuerHost}:aud`]: 'sts.amazonaws.com',
      [`${issuerHost}:sub`]: 'system:serviceaccount:production:myaccount',
    },
  },
});
export const readObjects = policyText({ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' });

export const managed = (name: string): string => `arn:aws:iam::aws:policy/${name}`;
export const own = (name: string): string => `arn:aws:iam::${accountId}:policy/${name}`;
export const roleArn = (name: string): string => `arn:aws:iam::${accountId}:role/${name}`;
