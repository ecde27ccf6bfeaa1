/** Waits until deleted objects of any kind no longer exist, and reports what blocks the remaining deletions. */
import type { KubeClient, KubeObject, Resource } from '../../../kube/index.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { followSet, type Following } from './follow.ts';
import type { ProgressLine } from './progress.ts';
import { createReporter } from './reporter.ts';
import { reported, withinTime } from './wait-for.ts';

export type Deleted = {
  readonly resource: Resource;
  /** Deleted object. The wait ignores a new object of the same name. */
  readonly object: KubeObject;
  /** Name of the object in texts for people. */
  readonly label: string;
};

type Finalized = KubeObject & {
  /** Finalizers of a namespace, in addition to those in its metadata. */
  readonly spec?: { readonly finalizers?: readonly string[] };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
};

/**
 * Conditions that controllers use to report on a deletion in progress. Sources: NamespaceConditionType of
 * k8s.io/api/core/v1, CustomResourceDefinitionConditionType of k8s.io/apiextensions-apiserver.
 */
const blockingConditions = new Set([
  'NamespaceDeletionDiscoveryFailure',
  'NamespaceDeletionGroupVersionParsingFailure',
  'NamespaceDeletionContentFailure',
  'NamespaceContentRemaining',
  'NamespaceFinalizersRemaining',
  'Terminating',
]);

/** Describes what blocks the deletion of an object. */
export function describeBlockers(object: KubeObject): string {
  const { metadata, spec, status }: Finalized = object;
  if (metadata.deletionTimestamp === undefined) return 'deletion was requested';
  const finalizers = [
    ...(metadata.finalizers ?? []),
    ...(object.kind === 'Namespace' ? (spec?.finalizers ?? []) : []),
  ];
  const reported = (status?.conditions ?? []).flatMap(({ type, status: is, message }) =>
    is === 'True' && message && blockingConditions.has(type) ? [message] : [],
  );
  const held =
    finalizers.length > 0 ? `held up by the finalizer ${finalizers.join(', ')}` : 'about to be deleted';
  return [held, ...reported].join('; ');
}

/** @throws CliError of code NOT_DELETED when the timeout expires */
export async function waitUntilAllDeleted(
  context: CliContext,
  client: KubeClient,
  deleted: readonly Deleted[],
  timeoutMs: number,
): Promise<void> {
  const reporter = createReporter(context.stderr);
  /** Objects that still existed at the last check. */
  const seen = new Map<Deleted, ProgressLine>();
  const report = (each: Deleted, rest: Omit<ProgressLine, 'label'>): void => {
    seen.set(each, { label: each.label, ...rest });
    const left = [...seen.values()].filter(({ status }) => status === 'False').length;
    reporter.update(left > 0 ? `${left} are being deleted` : 'Everything is deleted', [...seen.values()]);
  };
  /** Whether the object still exists. */
  const look = (each: Deleted, found: KubeObject | undefined): boolean => {
    if (!found || found.metadata.uid !== each.object.metadata.uid) return false;
    // Items of a list have no field `kind`.
    const message = describeBlockers({ ...found, kind: each.resource.kind });
    report(each, { status: 'False', reason: 'Deleting', message });
    return true;
  };
  const one = ({ object: { metadata } }: Deleted): Pick<Following, 'fieldSelector' | 'namespace'> => ({
    fieldSelector: `metadata.name=${metadata.name}`,
    ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
  });
  const follow = async (each: Deleted, signal: AbortSignal): Promise<void> => {
    const following = { ...one(each), clock: context, client, resource: each.resource, signal };
    for await (const [found] of followSet<KubeObject>(following)) if (!look(each, found)) break;
    report(each, { status: 'True', reason: 'Deleted', message: 'gone' });
  };
  const late = (waited: string): CliError => {
    const left = [...seen].filter(([, { status }]) => status === 'False');
    return new CliError(
      'NOT_DELETED',
      `not deleted after ${waited}: ${left.map(([{ label }]) => label).join(', ')}`,
      {
        details: left.map(([, { label, message }]) => `${label}: ${message}`),
        next: [
          ...left.map(([each]) => `Continue waiting: ${waitCommand(each)}`),
          'The deletion continues in the cluster without this command.',
        ],
      },
    );
  };
  const followAll = async (signal: AbortSignal): Promise<void> => {
    await Promise.all([...seen.keys()].map((each) => follow(each, signal)));
  };
  const wait = async (): Promise<void> => {
    // Most objects disappear at once. The first check happens before the wait, so that even a very short timeout has a
    // result to report.
    await Promise.all(
      deleted.map(async (each) => {
        const { items } = await client.list<KubeObject>(each.resource, {
          ...one(each),
          signal: context.signal,
        });
        look(each, items[0]);
      }),
    );
    await withinTime(context, timeoutMs, followAll, late, {
      state: 'the requested deletions continue in the cluster, and cannot be cancelled',
      next: deleted.map((each) => `To wait for ${each.label}: ${waitCommand(each)}`),
    });
  };
  await reported(reporter, wait());
}

export function waitCommand({ resource, object: { metadata } }: Omit<Deleted, 'label'>): string {
  const of = metadata.namespace === undefined ? '' : ` -n ${metadata.namespace}`;
  return `kubectl wait --for=delete ${resource.plural}/${metadata.name}${of}`;
}
