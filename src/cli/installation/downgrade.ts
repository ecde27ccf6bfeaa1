/** Determines whether an installation would be a downgrade, and which stored fields it would drop. */
import { orMissing } from '../cluster/objects.ts';
import {
  apps,
  clusterConfigs,
  crds,
  fieldsAddedTo,
  linkedServiceAccounts,
  quarantines,
  newerFields,
  schemaVersion,
  schemaVersionAnnotation,
  specSchema,
} from '../../api/index.ts';
import { resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { CliError } from '../framework/errors.ts';

type Stored = KubeObject & { readonly spec: object };

export type Downgrade = {
  /** Schema version of the CRDs on the cluster. */
  readonly from: number;
  /** Fields of the CRDs on the cluster that the CRDs of this version do not have: `LinkedServiceAccount spec.aws.x`. */
  readonly fields: readonly string[];
  /** Stored objects that use one of `fields`, each as `LinkedServiceAccount payments: spec.aws.x`. */
  readonly objects: readonly string[];
};

/**
 * Returns the schema version and the additional fields of the cluster's CRDs. Returns undefined if the CRDs do not
 * belong to a later version.
 */
export function laterSchema(live: readonly Stored[]): Pick<Downgrade, 'from' | 'fields'> | undefined {
  let from = 0;
  const fields: string[] = [];
  for (const own of crds()) {
    const installed = live.find(({ metadata }) => metadata.name === own.metadata.name);
    if (!installed) continue;
    const mark = Number(installed.metadata.annotations?.[schemaVersionAnnotation] ?? 0);
    if (Number.isSafeInteger(mark)) from = Math.max(from, mark);
    const { kind } = own.spec['names'] as { readonly kind: string };
    fields.push(
      ...fieldsAddedTo(specSchema(own), specSchema(installed), 'spec').map((field) => `${kind} ${field}`),
    );
  }
  return from <= schemaVersion && fields.length === 0 ? undefined : { from, fields };
}

/** Returns undefined if the cluster has no CRDs, or CRDs of this version or an earlier one. */
export async function findDowngrade(client: KubeClient, signal: AbortSignal): Promise<Downgrade | undefined> {
  const live = await Promise.all(
    crds().map(({ metadata: { name } }) =>
      orMissing(client.get<Stored>(resources.customResourceDefinitions, { name }, { signal })),
    ),
  );
  const later = laterSchema(live.filter((crd) => crd !== undefined));
  if (!later) return undefined;
  const objects: string[] = [];
  for (const { kind, ...resource } of [clusterConfigs, linkedServiceAccounts, apps, quarantines]) {
    const list = await orMissing(client.list<Stored>({ kind, ...resource }, { signal }));
    for (const { metadata, spec } of list?.items ?? []) {
      const lost = newerFields(kind, spec);
      if (lost.length > 0) objects.push(`${kind} ${metadata.name}: ${lost.join(', ')}`);
    }
  }
  return { ...later, objects };
}

/** Describes the data that the downgrade loses, as lines of text. */
export function lossOf({ fields, objects }: Downgrade): readonly string[] {
  return [
    fields.length > 0
      ? `Fields missing in this version of kon: ${fields.join(', ')}`
      : 'This version of kon has the same CRD fields, but older validation rules and admission policies.',
    ...(objects.length > 0
      ? [`Stored objects that lose fields for good:`, ...objects.map((object) => `  ${object}`)]
      : ['No stored object uses a field that this version lacks.']),
  ];
}

/** @throws CliError of code CONFLICT */
export function refuseDowngrade(downgrade: Downgrade): never {
  throw new CliError(
    'CONFLICT',
    `the cluster has a newer version of Konstellation (schema version ${downgrade.from}) than this kon (schema version ${schemaVersion})`,
    {
      details: lossOf(downgrade),
      next: [
        'Get kon of that version or a newer version, and run kon install.',
        'To downgrade anyway and lose the listed fields: kon install --downgrade',
      ],
    },
  );
}
