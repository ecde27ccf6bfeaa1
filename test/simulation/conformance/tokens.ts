/** Conformance cases: tokens of ServiceAccounts. */
import { resources } from '../../../src/kube/index.ts';
import { type ConformanceCase, serviceAccount, ref } from './case.ts';

export const tokensCases: readonly ConformanceCase[] = [
  {
    name: 'a token names its audience, its ServiceAccount and its time',
    async run({ client, namespace }) {
      const made = await client.create(resources.serviceAccounts, serviceAccount(namespace, 'a'));
      const spec = { audiences: ['sts.amazonaws.com'], expirationSeconds: 600 };
      const { token } = await client.createToken(ref(namespace, 'a'), spec);
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
        aud: string[];
        sub: string;
        exp: number;
        iat: number;
        iss: string;
        'kubernetes.io': { namespace: string; serviceaccount: { name: string; uid: string } };
      };
      const { serviceaccount } = claims['kubernetes.io'];
      return [
        claims.aud,
        claims.sub === `system:serviceaccount:${namespace}:a`,
        claims.exp - claims.iat,
        claims.iss.startsWith('https://oidc.eks.'),
        serviceaccount.name,
        serviceaccount.uid === made.metadata.uid,
      ];
    },
    sees: [['sts.amazonaws.com'], true, 600, true, 'a', true],
  },
];
