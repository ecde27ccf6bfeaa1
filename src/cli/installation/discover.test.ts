import { expect, it } from 'vitest';
import { clusterHints, type KubeconfigFacts } from './discover.ts';

const server = 'https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com';
const arn = 'arn:aws:eks:eu-west-1:123456789012:cluster/main';

it.each<[string, Partial<KubeconfigFacts>, ReturnType<typeof clusterHints>]>([
  [
    'aws eks update-kubeconfig',
    { names: [arn], exec: ['--region', 'eu-west-1', 'eks', 'get-token', '--cluster-name', 'main'] },
    { name: 'main', region: 'eu-west-1', accountId: '123456789012' },
  ],
  [
    'the same with an alias, region by the server',
    { names: ['prod'], exec: ['eks', 'get-token', '--cluster-name=main'] },
    { name: 'main', region: 'us-west-2' },
  ],
  [
    'eksctl',
    { names: ['main.eu-central-1.eksctl.io'], exec: ['token', '-i', 'main'] },
    { name: 'main', region: 'eu-central-1' },
  ],
  [
    'a name alone',
    { names: ['me@main.eu-central-1.eksctl.io', 'main.eu-central-1.eksctl.io'] },
    { name: 'main', region: 'eu-central-1' },
  ],
  [
    'nothing but an issuer',
    { server: 'https://127.0.0.1:1', issuer: 'https://oidc.eks.eu-north-1.amazonaws.com/id/A' },
    { region: 'eu-north-1' },
  ],
  ['China', { server: 'https://A.sk1.cn-north-1.eks.amazonaws.com.cn' }, { region: 'cn-north-1' }],
  [
    'nothing but an IPv6 issuer in the EU sovereign partition',
    {
      server: 'https://127.0.0.1:1',
      issuer: 'https://oidc-eks.eusc-de-east-1.api.amazonwebservices.eu/id/A',
    },
    { region: 'eusc-de-east-1' },
  ],
  ['no cluster of AWS', { server: 'https://kubernetes.example' }, {}],
])('clusterHints derives the region and name of a cluster from a kubeconfig: %s', (_what, facts, hints) => {
  expect(clusterHints({ server, names: [], exec: [], ...facts })).toEqual(hints);
});
