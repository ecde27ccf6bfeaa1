/**
 * Whether a pod template changes in more than the identity that it gives. A Deployment which rolls for that other reason
 * takes the new identity along; one which would roll for its identity alone waits for its turn.
 */
import { identityAnnotation } from '../api/index.ts';
import { digestOf, type JsonObject, type ObservedObject } from './manifest.ts';

/** On a Deployment: a digest of the pod template that was applied, without what its identity puts there. */
export const appliedTemplateAnnotation = 'k11n.dev/applied-template';

type Template = {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
};

/** @param deployment a spec as `renderDeployment` makes it */
export function templateDigest(deployment: JsonObject): string {
  const { metadata, spec } = deployment.template as Template;
  const { [identityAnnotation]: _, ...annotations } = metadata?.annotations ?? {};
  const { serviceAccountName: __, automountServiceAccountToken: ___, ...others } = spec ?? {};
  return digestOf({ metadata: { ...metadata, annotations }, spec: others });
}

/** Whether both were rendered with the same pod template, but for their identities. */
export function haveSameTemplate(one: ObservedObject, other: ObservedObject): boolean {
  return (
    one.metadata.annotations?.[appliedTemplateAnnotation] ===
    other.metadata.annotations?.[appliedTemplateAnnotation]
  );
}
