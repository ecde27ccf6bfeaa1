/** Asks the API server who the user of a client is, and what this user may do. */
import type { KubeClient, KubeObject, Resource } from '../../kube/index.ts';

/** Creates a review, for example a SelfSubjectReview, and returns its status. The API server does not store reviews. */
async function review<Status>(
  client: KubeClient,
  group: string,
  kind: string,
  spec: object,
): Promise<Status | undefined> {
  const plural = `${kind.toLowerCase()}s`;
  const { status } = await client.create<KubeObject & { readonly status?: Status }>(
    { group, version: 'v1', plural, kind, namespaced: false },
    { apiVersion: `${group}/v1`, kind, metadata: { name: '' }, ...spec },
  );
  return status;
}

/** Returns the user's name, if the API server reports it. @throws KubeApiError, with status 401 for a rejected token */
export async function whoIs(client: KubeClient): Promise<string | undefined> {
  type Status = { readonly userInfo?: { readonly username?: string } };
  const status = await review<Status>(client, 'authentication.k8s.io', 'SelfSubjectReview', {});
  return status?.userInfo?.username;
}

export type Right = { readonly verb: string; readonly resource: Resource; readonly namespace?: string };

export async function may(client: KubeClient, { verb, resource, namespace }: Right): Promise<boolean> {
  const { group, plural } = resource;
  const resourceAttributes = {
    verb,
    group,
    resource: plural,
    ...(namespace === undefined ? {} : { namespace }),
  };
  type Status = { readonly allowed?: boolean };
  const status = await review<Status>(client, 'authorization.k8s.io', 'SelfSubjectAccessReview', {
    spec: { resourceAttributes },
  });
  return status?.allowed === true;
}
