/** Targets are no objects of their own: the ClusterConfig lists them, and each is a namespace. */
import type { ClusterConfig } from '../../../api/cluster-config.ts';
import { apiVersion } from '../../../api/resources.ts';
import { resources, type KubeClient, type KubeObject } from '../../../kube/index.ts';
import { changeSpec, listObjects } from '../../cluster/objects.ts';
import { getClusterConfig } from '../../cluster/targets.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import { accountKind, appKind, clusterConfigKind } from '../../cluster/kinds.ts';
import { targetNameProblem } from '../../manifest/name.ts';
import { ageColumn } from '../../objects/columns.ts';
import { writeList } from '../../framework/output/answer.ts';
import type { Column } from '../../framework/output/table.ts';
import { resultLine, type WriteInput } from '../../objects/finish.ts';
import { followObject } from '../../framework/wait/follow.ts';
import { waitFor } from '../../framework/wait/within-time.ts';

type Namespace = KubeObject & { readonly status?: { readonly phase?: string } };

/** One row of `kon target list`; in JSON and YAML one item, shaped as an object. */
export type Target = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: 'Target';
  readonly metadata: { readonly name: string; readonly creationTimestamp?: string };
  readonly status: {
    /** `Missing` while there is no namespace of that name. */
    readonly namespace: 'Active' | 'Terminating' | 'Missing';
    /** The names of the accounts that may be used in it. */
    readonly accounts: readonly string[];
    readonly apps: readonly string[];
  };
};

const columns = (now: number): readonly Column<Target>[] => [
  { header: 'NAME', value: (target) => target.metadata.name },
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
  ageColumn(now),
];

export async function listTargets(context: CliContext): Promise<void> {
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
  const data = { object: (target: Target): Target => target };
  await writeList(context, { rows: targets, columns: columns(context.now()), data });
}

function stateOf(namespace: Namespace | undefined): Target['status']['namespace'] {
  if (!namespace) return 'Missing';
  return namespace.status?.phase === 'Terminating' || namespace.metadata.deletionTimestamp !== undefined
    ? 'Terminating'
    : 'Active';
}

export async function createTarget(context: CliContext, name: string, write: WriteInput): Promise<void> {
  const problem = targetNameProblem(name);
  if (problem) throw new CliError('INVALID', problem);
  const client = await context.connect();
  const config = await getClusterConfig(client);
  const { dryRun } = write;
  const withTarget = ({ spec }: ClusterConfig): ClusterConfig['spec'] => {
    if (spec.targets.includes(name))
      throw new CliError('ALREADY_EXISTS', `there is a target "${name}" already`, {
        next: ['See the targets: kon target list'],
      });
    return { ...spec, targets: [...spec.targets, name] };
  };
  await changeSpec(client, clusterConfigKind, config.metadata.name, withTarget, { dryRun });
  context.stdout.write(resultLine(`target/${name}`, 'created', dryRun));
  if (!write.noWait && !dryRun) await waitForNamespace(context, client, name, write.timeout);
}

async function waitForNamespace(
  context: CliContext,
  client: KubeClient,
  name: string,
  timeoutMs: number,
): Promise<void> {
  const look = (namespace: Namespace | undefined): true | undefined =>
    stateOf(namespace) === 'Active' ? true : undefined;
  const late = (waited: string): CliError =>
    new CliError('NOT_READY', `the target "${name}" is written, but has no namespace after ${waited}`, {
      next: [
        'See whether the operator runs on this cluster; start it with: kon operator',
        'Look at it: kon target list',
      ],
    });
  const following = { clock: context, client, resource: resources.namespaces };
  await waitFor(context, (signal) => followObject<Namespace>({ ...following, signal }, name), {
    timeoutMs,
    look,
    late,
  });
  context.stderr.write(`The namespace ${name} is there.\n`);
}
