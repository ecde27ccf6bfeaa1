/** Compares the ClusterConfig with the actual state of the cluster. */
import { regionOfEksUrl } from '../../../../api/partitions.ts';
import { readyOf } from '../../../cluster/kinds.ts';
import { resources, type KubeObject } from '../../../../kube/index.ts';
import { failure, ok, warning, type Checks } from '../check.ts';

type Namespace = KubeObject & { readonly status?: { readonly phase?: string } };

export const configurationChecks = {
  'cluster-config': async ({ configs, config }) => {
    const all = await configs();
    const counting = await config();
    if (!counting)
      return failure('no ClusterConfig exists', [
        'Create a ClusterConfig: kon install, or kon apply -f FILE',
      ]);
    const ready = readyOf(counting);
    const { name } = counting.metadata;
    if (ready?.status !== 'True')
      return failure(`${name} is not Ready`, [
        ready ? `${ready.reason}: ${ready.message}` : 'no operator has processed the ClusterConfig',
      ]);
    return all.length > 1
      ? warning(`only the ClusterConfig ${name} is used, because it is the oldest one`, [
          `Delete the others: ${all
            .filter((each) => each !== counting)
            .map((each) => each.metadata.name)
            .join(', ')}`,
        ])
      : ok(`${name}: ${ready.message}`);
  },
  'cluster-facts': async (lookups) => {
    const config = await lookups.config();
    const issuer = await lookups.issuer();
    const problems: string[] = [];
    if (config?.status?.oidcIssuer !== undefined && config.status.oidcIssuer !== issuer)
      problems.push(
        `the cluster's issuer is ${issuer}, but the status of the ClusterConfig says ${config.status.oidcIssuer}`,
      );
    const region = regionOfEksUrl(issuer);
    if (region !== undefined && config && config.spec.aws.region !== region)
      problems.push(`the cluster's issuer is in ${region}, but spec.aws.region is ${config.spec.aws.region}`);
    return problems.length === 0
      ? ok(issuer)
      : failure('the ClusterConfig differs from the cluster', problems);
  },
  targets: async ({ config, client, signal }) => {
    const targets = (await config())?.spec.targets ?? [];
    const { items } = await (await client()).list<Namespace>(resources.namespaces, { signal });
    const active = new Set(
      items.filter((item) => item.status?.phase === 'Active').map((item) => item.metadata.name),
    );
    const lacking = targets.filter((target) => !active.has(target));
    if (lacking.length > 0) return failure(`missing or terminating namespaces: ${lacking.join(', ')}`);
    return targets.length === 0
      ? warning('the cluster has no target', ['Create a target: kon target create NAME'])
      : ok(targets.join(', '));
  },
} satisfies Checks;
