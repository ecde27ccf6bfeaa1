/** `kon version`: prints the versions of kon, the operator and the CRDs, and whether they match. */
import { crds, schemaVersion, schemaVersionAnnotation } from '../../../api/index.ts';
import { defined } from '../../../k8s/defined.ts';
import { resources, type KubeClient, type KubeObject } from '../../../kube/index.ts';
import { unlessDenied } from '../../framework/denied.ts';
import { orMissing } from '../../cluster/objects.ts';
import { listOperators, operatorVersion } from '../../cluster/operator-deployment.ts';
import type { CliContext } from '../../framework/context.ts';
import { explain } from '../../framework/explain.ts';
import { writeDocument } from '../../framework/output/answer.ts';
import { paint } from '../../framework/output/color.ts';
import { version } from '../../version.ts';

type Operator = {
  /** `NAMESPACE/NAME` of the Deployment. */
  readonly deployment: string;
  /** Version of the operator. Undefined if neither a label nor the image tag contains it. */
  readonly version?: string;
};

type Cluster = {
  /** Schema version of the CRDs. Undefined if the CRDs are not installed. */
  readonly schemaVersion?: number;
  /** Operators in the cluster. Undefined if the user is not permitted to list Deployments. */
  readonly operators?: readonly Operator[];
};

export type Versions = {
  readonly client: { readonly version: string; readonly schemaVersion: number };
  readonly cluster?: Cluster;
  /** Reason why the cluster could not be queried. */
  readonly problem?: { readonly code: string; readonly message: string };
  /** Differences between `kon`, the operators and the CRDs, with their remedies, one line each. */
  readonly skew: readonly string[];
};

export async function versionFlow(context: CliContext, options: { readonly client: boolean }): Promise<void> {
  const client = { version, schemaVersion };
  const versions: Versions = options.client
    ? { client, skew: [] }
    : { client, ...(await ofCluster(context)) };
  await writeDocument(context, 'Version', versions, (color) => renderVersions(versions, color));
}

async function ofCluster(context: CliContext): Promise<Omit<Versions, 'client'>> {
  try {
    const client = await context.connect();
    const [installed, deployments] = await Promise.all([
      installedSchema(client, context.signal),
      unlessDenied(listOperators(client, context.signal)),
    ]);
    const operators = deployments?.map((deployment) => {
      const { namespace, name } = deployment.metadata;
      return { deployment: `${namespace}/${name}`, ...defined({ version: operatorVersion(deployment) }) };
    });
    const cluster = defined({ schemaVersion: installed, operators });
    return { cluster, skew: skewOf(cluster) };
  } catch (error) {
    context.signal.throwIfAborted();
    const { code, message } = explain(error);
    return { problem: { code, message }, skew: [] };
  }
}

/** Returns the highest schema version of the installed CRDs: 0 if no CRD has one, or undefined if no CRD is installed. */
async function installedSchema(client: KubeClient, signal: AbortSignal): Promise<number | undefined> {
  const found = await Promise.all(
    crds().map(({ metadata: { name } }) =>
      orMissing(client.get<KubeObject>(resources.customResourceDefinitions, { name }, { signal })),
    ),
  );
  const stated = found.flatMap((crd) =>
    crd ? [Number(crd.metadata.annotations?.[schemaVersionAnnotation] ?? 0)] : [],
  );
  return stated.length === 0 ? undefined : Math.max(...stated.filter(Number.isSafeInteger), 0);
}

/** Lists differences between kon, the operator and the CRDs. Pure. */
export function skewOf({ schemaVersion: installed, operators = [] }: Cluster): readonly string[] {
  return [
    ...(installed === undefined
      ? ['Konstellation is not installed on this cluster; to install it: kon install']
      : []),
    ...(installed !== undefined && installed > schemaVersion
      ? [`the CRDs (schema ${installed}) are newer than this kon (schema ${schemaVersion}); update kon`]
      : []),
    ...(installed !== undefined && installed < schemaVersion
      ? [
          `the CRDs (schema ${installed}) are older than this kon (schema ${schemaVersion}); to update the CRDs: kon install`,
        ]
      : []),
    ...operators
      .filter((operator) => operator.version !== undefined && operator.version !== version)
      .map(
        (operator) =>
          `the operator ${operator.deployment} has version ${operator.version}, and this kon has ${version}; install this version with kon install, or use kon ${operator.version}`,
      ),
  ];
}

export function renderVersions({ client, cluster, problem, skew }: Versions, color: boolean): string {
  const rows: (readonly [string, string])[] = [['kon', `${client.version} (schema ${client.schemaVersion})`]];
  if (cluster) {
    const { operators } = cluster;
    for (const operator of operators ?? [])
      rows.push(['operator', `${operator.version ?? 'unknown'} (${operator.deployment})`]);
    if (operators?.length === 0) rows.push(['operator', 'no Deployment in this cluster']);
    if (!operators) rows.push(['operator', 'unknown: you are not permitted to list Deployments']);
    rows.push([
      'CRDs',
      cluster.schemaVersion === undefined ? 'not installed' : `schema ${cluster.schemaVersion}`,
    ]);
  }
  if (problem) rows.push(['cluster', `unknown: ${problem.message} (${problem.code})`]);
  const lines = rows.map(([label, value]) => `${label.padEnd(10)}${value}\n`);
  return [...lines, ...skew.map((line) => `${paint('yellow', '‼', color)} ${line}\n`)].join('');
}
