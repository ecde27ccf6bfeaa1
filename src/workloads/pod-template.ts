/**
 * Compares pod templates without their identity. If anything else in its template has changed, a Deployment rolls
 * immediately, and this rollout also brings the new identity. A Deployment that would roll only for a new identity
 * waits for its rollout slot.
 */
import { identityAnnotation } from '../api/index.ts';
import { digestOf, type JsonObject, type ObservedObject } from './manifest.ts';

/** Annotation of a Deployment: digest of the applied pod template without the fields of the identity. */
export const appliedTemplateAnnotation = 'k11n.dev/applied-template';

type Template = {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
};

/**
 * Digest of the pod template without the fields of the identity.
 *
 * @param deployment the spec that `renderDeployment` returns
 */
export function templateDigest(deployment: JsonObject): string {
  const { metadata, spec } = deployment.template as Template;
  const { [identityAnnotation]: _, ...annotations } = metadata?.annotations ?? {};
  const { serviceAccountName: __, automountServiceAccountToken: ___, ...others } = spec ?? {};
  return digestOf({ metadata: { ...metadata, annotations }, spec: others });
}

/** Whether both objects have the same pod template apart from the identity. */
export function haveSameTemplate(one: ObservedObject, other: ObservedObject): boolean {
  return (
    one.metadata.annotations?.[appliedTemplateAnnotation] ===
    other.metadata.annotations?.[appliedTemplateAnnotation]
  );
}
