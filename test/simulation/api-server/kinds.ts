/** Differences between the kinds that the operator uses, limited to differences that writers or watches can observe. */
import { apiGroup, defaultStatus, quarantines } from '../../../src/api/index.ts';
import type { Resource } from '../../../src/kube/index.ts';

export type KindTraits = {
  /** Whether the kind has a status that is written only through the status subresource. */
  readonly hasStatus: boolean;
  /** Whether `metadata.generation` counts changes to the spec. */
  readonly hasGeneration: boolean;
  /** Whether an update may omit the resource version. */
  readonly updatesUnconditionally: boolean;
  readonly initialStatus?: object;
};

const custom: KindTraits = {
  hasStatus: true,
  hasGeneration: true,
  updatesUnconditionally: false,
  initialStatus: defaultStatus,
};
const plain: KindTraits = { hasStatus: false, hasGeneration: false, updatesUnconditionally: true };

const builtIn: Readonly<Record<string, KindTraits>> = {
  namespaces: {
    hasStatus: true,
    hasGeneration: false,
    updatesUnconditionally: true,
    initialStatus: { phase: 'Active' },
  },
  pods: {
    hasStatus: true,
    hasGeneration: true,
    updatesUnconditionally: true,
    initialStatus: { phase: 'Pending' },
  },
  deployments: { hasStatus: true, hasGeneration: true, updatesUnconditionally: true, initialStatus: {} },
  services: { hasStatus: true, hasGeneration: false, updatesUnconditionally: true },
  ingresses: { hasStatus: true, hasGeneration: true, updatesUnconditionally: true },
  poddisruptionbudgets: { hasStatus: true, hasGeneration: true, updatesUnconditionally: false },
  horizontalpodautoscalers: { hasStatus: true, hasGeneration: false, updatesUnconditionally: true },
  leases: { hasStatus: false, hasGeneration: false, updatesUnconditionally: false },
};

export function traitsOf(resource: Resource): KindTraits {
  if (resource.plural === quarantines.plural)
    return { hasStatus: false, hasGeneration: true, updatesUnconditionally: false };
  return resource.group === apiGroup ? custom : (builtIn[resource.plural] ?? plain);
}

/** Returns the name of a resource as in errors: `configmaps`, `linkedserviceaccounts.k11n.dev`. */
export function titleOf({ plural, group }: Resource): string {
  return group === '' ? plural : `${plural}.${group}`;
}
