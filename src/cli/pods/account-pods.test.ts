import { expect, it } from 'vitest';
import { copiedTokensLiveMs } from './account-pods.ts';

const pod = (...tokens: readonly { audience?: string; expirationSeconds?: number }[]) => ({
  spec: {
    volumes: tokens.map((serviceAccountToken) => ({ projected: { sources: [{ serviceAccountToken }] } })),
  },
});
const hours = 3_600_000;
const grace = 300_000;

it.each([
  [
    'the longest life of the tokens of the pods',
    [pod({ audience: 'sts', expirationSeconds: 7200 }), pod({ audience: 'sts', expirationSeconds: 3600 })],
    2 * hours,
  ],
  ["an hour for a token without a life, as Kubernetes' default", [pod({ audience: 'sts' })], hours],
  [
    'the usual life for pods without such a token',
    [pod({ audience: 'vault', expirationSeconds: 600 })],
    24 * hours,
  ],
  ['the usual life without pods', [], 24 * hours],
])('tokens that were copied from pods count as valid for %s plus five minutes', (_, pods, ms) => {
  expect(copiedTokensLiveMs(pods, 'sts')).toBe(ms + grace);
});
