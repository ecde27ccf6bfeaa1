/** Lists the revisions of an app: the pod templates of its Deployments over time, newest first. */
import { isDeepStrictEqual } from 'node:util';
import type { App } from '../../../api/app.ts';
import { identityAnnotation } from '../../../api/labels.ts';
import { resources, type KubeClient } from '../../../kube/index.ts';
import { roleOfMark } from '../../../workloads/identity-gate.ts';
import { configVolumePrefix } from '../../../workloads/render-configs.ts';
import { deploymentOf, selectionOf, type AppDeployment, type ReplicaSet } from '../../cluster/app-objects.ts';
import type { Column } from '../../framework/output/table.ts';
import { ageOf } from '../../objects/columns.ts';

/** Annotation that the Deployment controller sets. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ */
const revisionAnnotation = 'deployment.kubernetes.io/revision';
/** Label that identifies a template's ReplicaSet; not part of the template. */
const templateHashLabel = 'pod-template-hash';
/** Annotation that `kubectl rollout restart` sets. */
export const restartedAtAnnotation = 'kubectl.kubernetes.io/restartedAt';

export type Revision = {
  readonly target: string;
  readonly number: number;
  /** Whether this revision is deployed. */
  readonly current: boolean;
  readonly image: string;
  /** ARN of the role that the revision's pods hold. */
  readonly role: string | undefined;
  readonly replicas: number;
  /** RFC 3339: time when the pod template was first deployed. */
  readonly createdAt: string | undefined;
  /** Differences from the previous revision. Empty for the oldest revision that still exists. */
  readonly changes: readonly RevisionChange[];
  readonly replicaSet: ReplicaSet;
};

/** `template` stands for any other part of the pod template: environment, ports, resources, … */
export type RevisionChange = 'image' | 'identity' | 'configs' | 'restart' | 'template';

export async function readRevisions(
  client: KubeClient,
  app: App,
  targets: readonly string[],
): Promise<readonly Revision[]> {
  const perTarget = await Promise.all(
    targets.map(async (target) => {
      const [deployment, { items: replicaSets }] = await Promise.all([
        deploymentOf(client, app, target),
        client.list<ReplicaSet>(resources.replicaSets, selectionOf(app, target)),
      ]);
      return revisionsOf(target, deployment, replicaSets);
    }),
  );
  return perTarget.flat();
}

export function revisionsOf(
  target: string,
  deployment: AppDeployment | undefined,
  replicaSets: readonly ReplicaSet[],
): readonly Revision[] {
  const currentNumber = numberOf(deployment);
  const owned = replicaSets
    .filter(
      ({ metadata }) =>
        deployment !== undefined &&
        metadata.ownerReferences?.some((owner) => owner.uid === deployment.metadata.uid),
    )
    .map((replicaSet) => ({ replicaSet, number: numberOf(replicaSet) }))
    // Leaves out new ReplicaSets, which have no revision number until the Deployment controller processes them.
    .filter(({ number }) => number > 0)
    .toSorted((one, other) => other.number - one.number);
  return owned.map(({ replicaSet, number }, index) => {
    const before = owned[index + 1]?.replicaSet;
    return {
      target,
      number,
      current: number === currentNumber,
      image: imageIn(replicaSet),
      role: roleOfMark(annotationsOf(replicaSet)[identityAnnotation]),
      replicas: replicaSet.spec?.replicas ?? 0,
      createdAt: replicaSet.metadata.creationTimestamp,
      changes: before === undefined ? [] : changesBetween(before, replicaSet),
      replicaSet,
    };
  });
}

/** Returns the differences between the pod templates of two revisions. */
export function changesBetween(before: ReplicaSet, after: ReplicaSet): readonly RevisionChange[] {
  const differs = (read: (replicaSet: ReplicaSet) => unknown): boolean =>
    !isDeepStrictEqual(read(before), read(after));
  const aspects: readonly (readonly [RevisionChange, (replicaSet: ReplicaSet) => unknown])[] = [
    ['image', imageIn],
    ['identity', (replicaSet) => annotationsOf(replicaSet)[identityAnnotation]],
    ['configs', configsIn],
    ['restart', (replicaSet) => annotationsOf(replicaSet)[restartedAtAnnotation]],
    ['template', restOf],
  ];
  return aspects.filter(([, read]) => differs(read)).map(([change]) => change);
}

function restOf({ spec }: ReplicaSet): unknown {
  const { metadata, spec: podSpec } = spec?.template ?? {};
  const {
    [identityAnnotation]: _identity,
    [restartedAtAnnotation]: _restart,
    ...annotations
  } = metadata?.annotations ?? {};
  const { [templateHashLabel]: _hash, ...labels } = metadata?.labels ?? {};
  const [first, ...others] = podSpec?.containers ?? [];
  const { envFrom: _configs, ...container } = { ...first, image: '' };
  return {
    annotations,
    labels,
    spec: {
      ...podSpec,
      volumes: podSpec?.volumes?.filter(({ configMap }) => !configMap) ?? [],
      containers: [{ ...container, volumeMounts: otherMounts(container) }, ...others],
    },
  };
}

/** Returns the volume mounts of a container, without the mounts of configs: changes to configs are reported as `configs`. */
function otherMounts(container: object): readonly unknown[] {
  const { volumeMounts = [] } = container as { readonly volumeMounts?: readonly { readonly name: string }[] };
  return volumeMounts.filter(({ name }) => !name.startsWith(configVolumePrefix));
}

/** Returns the references to the ConfigMaps that the pods read. If the content of a ConfigMap changes, its name also changes. */
function configsIn({ spec }: ReplicaSet): unknown {
  const { containers = [], volumes = [] } = spec?.template?.spec ?? {};
  const [first] = containers;
  return [first?.envFrom ?? [], volumes.filter(({ configMap }) => configMap !== undefined)];
}

const imageIn = ({ spec }: ReplicaSet): string => spec?.template?.spec?.containers?.[0]?.image ?? '';

const annotationsOf = ({ spec }: ReplicaSet): Readonly<Record<string, string>> =>
  spec?.template?.metadata?.annotations ?? {};

const numberOf = (
  object: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } } | undefined,
): number => Number(object?.metadata.annotations?.[revisionAnnotation] ?? 0);

export function revisionColumns(now: number): readonly Column<Revision>[] {
  return [
    { header: 'TARGET', value: (revision) => revision.target },
    { header: 'REVISION', value: (revision) => String(revision.number) },
    {
      header: 'STATE',
      value: (revision) => (revision.current ? 'deployed' : revision.replicas > 0 ? 'going' : 'kept'),
      style: (revision) => (revision.current ? 'green' : undefined),
    },
    {
      header: 'IMAGE',
      value: (revision) => revision.image,
      short: (revision) => revision.image.split('/').at(-1) ?? '',
    },
    {
      header: 'IDENTITY',
      value: (revision) => revision.role ?? '',
      short: (revision) => revision.role?.split('/').at(-1) ?? '',
    },
    { header: 'CHANGED', value: (revision) => revision.changes.join(',') },
    {
      header: 'DEPLOYED',
      value: (revision) => revision.createdAt ?? '',
      short: (revision) => (revision.createdAt ? `${ageOf(revision.createdAt, now)} ago` : ''),
    },
  ];
}
