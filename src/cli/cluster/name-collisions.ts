/**
 * Names of our kinds that another CustomResourceDefinition uses too. kubectl answers to a plural before it looks at short names,
 * so that `kubectl get apps` shows Konstellation's apps where Argo CD has `apps` as a short name of its Applications. Pure.
 */
import { apps, clusterConfigs, linkedServiceAccounts } from '../../api/resources.ts';
import type { KubeObject } from '../../kube/index.ts';

export type NamedCrd = KubeObject & {
  readonly spec?: {
    readonly group?: string;
    readonly names?: {
      readonly plural?: string;
      readonly singular?: string;
      readonly shortNames?: readonly string[];
    };
  };
};

export type NameCollision = {
  readonly name: string;
  /** `applications.argoproj.io` */
  readonly other: string;
  /** Names that mean our kind alone. */
  readonly exact: readonly string[];
};

export function nameCollisions(crds: readonly NamedCrd[]): readonly NameCollision[] {
  return [apps, linkedServiceAccounts, clusterConfigs].flatMap((ours) => {
    const names: readonly string[] = [ours.plural, ours.singular, ...ours.shortNames];
    return crds
      .filter(({ spec }) => spec?.group !== ours.group)
      .flatMap((crd) => {
        const { plural, singular, shortNames = [] } = crd.spec?.names ?? {};
        const theirs = [plural, singular, ...shortNames];
        return names
          .filter((name) => theirs.includes(name))
          .map((name) => ({
            name,
            other: crd.metadata.name,
            exact: [
              `${ours.plural}.${ours.group}`,
              ...ours.shortNames.filter((short) => !theirs.includes(short)),
            ],
          }));
      });
  });
}

export function describeCollision({ name, other, exact }: NameCollision): string {
  return `"kubectl get ${name}" means two things: ${exact[0]} and ${other}. Use exact names: kubectl get ${exact.join(' or ')}; kubectl get ${other}`;
}
