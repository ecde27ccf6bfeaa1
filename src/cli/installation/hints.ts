/** Derives facts about the EKS cluster from a kubeconfig. Pure. */

import { regionOfEksUrl } from '../../api/partitions.ts';

export type ClusterHints = {
  readonly name?: string;
  readonly region?: string;
  readonly accountId?: string;
};

export type KubeconfigFacts = {
  /** URL of the API server. */
  readonly server: string;
  /** Names of cluster and user in the kubeconfig. */
  readonly names: readonly string[];
  /** Command line of the credential plugin. */
  readonly exec: readonly string[];
  /** Issuer of ServiceAccount tokens according to the API server. */
  readonly issuer?: string | undefined;
};

/** Derives hints from the best available source: arguments of the credential plugin are reliable, names are a guess. */
export function clusterHints(facts: KubeconfigFacts): ClusterHints {
  const { exec, names, server, issuer = '' } = facts;
  const valueOf = (...flags: readonly string[]): string | undefined => {
    for (const [index, word] of exec.entries()) {
      const [flag, value] = word.split('=', 2);
      if (flags.includes(flag ?? '')) return value ?? exec[index + 1];
    }
    return undefined;
  };
  // Sources of the cluster's name are `aws eks get-token --cluster-name`, `-i` of aws-iam-authenticator, and the ARN
  // that `aws eks update-kubeconfig` uses as name of the kubeconfig entry.
  const arns = names.flatMap((name) => {
    const match = /^arn:[^:]+:eks:([^:]+):([0-9]{12}):cluster\/(.+)$/.exec(name);
    return match ? [{ region: match[1], accountId: match[2], name: match[3] }] : [];
  });
  // eksctl: NAME.REGION.eksctl.io
  const eksctl = names.flatMap((name) => {
    const match = /^([^.@]+)\.([a-z0-9-]+)\.eksctl\.io$/.exec(name);
    return match ? [{ name: match[1], region: match[2] }] : [];
  });
  const name = valueOf('--cluster-name', '--cluster-id', '-i') ?? arns[0]?.name ?? eksctl[0]?.name;
  const region =
    valueOf('--region') ??
    arns[0]?.region ??
    eksctl[0]?.region ??
    regionOfEksUrl(server) ??
    regionOfEksUrl(issuer);
  const accountId = arns[0]?.accountId;
  return {
    ...(name === undefined ? {} : { name }),
    ...(region === undefined ? {} : { region }),
    ...(accountId === undefined ? {} : { accountId }),
  };
}
