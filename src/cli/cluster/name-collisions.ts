/**
 * Finds names of Konstellation's kinds that another CustomResourceDefinition also uses. kubectl prefers plurals to
 * short names, so `kubectl get apps` shows Konstellation's apps even if Argo CD declares `apps` as a short name of its
 * Applications. Pure.
 */
import { apps, clusterConfigs, linkedServiceAccounts, quarantines } from '../../api/resources.ts';
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
  /** Name of the CustomResourceDefinition that collides with Konstellation's, for example `applications.argoproj.io`. */
  readonly other: string;
  /** Names of Konstellation's kind that the other kind does not have. */
  readonly exact: readonly string[];
};

export function nameCollisions(crds: readonly NamedCrd[]): readonly NameCollision[] {
  return [apps, linkedServiceAccounts, clusterConfigs, quarantines].flatMap((ours) => {
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
