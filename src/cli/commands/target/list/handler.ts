/** `kon target list`: lists the targets. A target is not a separate object, but a namespace that the ClusterConfig lists. */
import type { Column } from '../../../framework/output/table.ts';
import { apiVersion } from '../../../../api/resources.ts';
import { resources } from '../../../../kube/index.ts';
import { listObjects } from '../../../cluster/objects.ts';
import { getClusterConfig, targetNotFound } from '../../../cluster/cluster-config.ts';
import type { CliContext } from '../../../framework/context.ts';
import { accountKind, appKind } from '../../../cluster/kinds.ts';
import { createdColumn } from '../../../objects/columns.ts';
import { sorted } from '../../../objects/selection.ts';
import { writeList } from '../../../framework/output/answer.ts';
import { stateOf, type Namespace, type NamespaceState } from '../namespace.ts';

/** One row of `kon target list`. In JSON and YAML output, the row is an item with the structure of a Kubernetes object. */
export type Target = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: 'Target';
  readonly metadata: { readonly name: string; readonly creationTimestamp?: string };
  readonly status: {
    readonly namespace: NamespaceState;
    /** Names of the accounts that may be used in the target. */
    readonly accounts: readonly string[];
    readonly apps: readonly string[];
  };
};

const columns = (now: number): readonly Column<Target>[] => [
  { header: 'NAME', value: (target) => target.metadata.name, whole: true },
  {
    header: 'NAMESPACE',
    value: (target) => target.status.namespace,
    style: (target) => (target.status.namespace === 'Active' ? 'green' : 'yellow'),
  },
  {
    header: 'ACCOUNTS',
    value: (target) => target.status.accounts.join(','),
    short: (target) => String(target.status.accounts.length),
  },
  {
    header: 'APPS',
    value: (target) => target.status.apps.join(','),
    short: (target) => String(target.status.apps.length),
  },
  createdColumn(now),
];

export async function listTargets(
  context: CliContext,
  input: {
    readonly names: readonly string[];
    readonly notReady: boolean;
    readonly sortBy: string | undefined;
  },
): Promise<void> {
  const client = await context.connect();
  const config = await getClusterConfig(client);
  const [accounts, apps, namespaces] = await Promise.all([
    listObjects(client, accountKind),
    listObjects(client, appKind),
    client.list<Namespace>(resources.namespaces),
  ]);
  const targets = config.spec.targets.map((name): Target => {
    const namespace = namespaces.items.find((each) => each.metadata.name === name);
    const { creationTimestamp } = namespace?.metadata ?? {};
    return {
      apiVersion,
      kind: 'Target',
      metadata: { name, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) },
      status: {
        namespace: stateOf(namespace),
        accounts: accounts
          .filter(({ spec }) => spec.targets === undefined || spec.targets.includes(name))
          .map((account) => account.metadata.name),
        apps: apps
          .filter(({ spec }) => spec.targets.some((target) => target.name === name))
          .map((app) => app.metadata.name),
      },
    };
  });
  const unknown = input.names.find((name) => !config.spec.targets.includes(name));
  if (unknown !== undefined) throw targetNotFound(config, unknown);
  const kept = targets.filter(
    ({ metadata, status }) =>
      (input.names.length === 0 || input.names.includes(metadata.name)) &&
      (!input.notReady || status.namespace !== 'Active'),
  );
  const shown = columns(context.now());
  const rows = input.sortBy === undefined ? kept : sorted(kept, input.sortBy, shown);
  const empty =
    targets.length > 0
      ? 'No target matches.\n'
      : 'There are no targets. Create one: kon target create NAME\n';
  await writeList(context, { rows, columns: shown, data: { object: (target) => target }, empty });
}
