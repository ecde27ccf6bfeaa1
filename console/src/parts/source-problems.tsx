/** Notices about Kubernetes kinds that cannot be read. */
import type { ReactNode } from 'react';
import type { Source } from '../../../src/cli/console/wire.ts';
import { useCluster } from '../store.ts';
import { Problem } from './basics.tsx';

/** Errors that affect all Kubernetes kinds, each with a text for the header of the page. */
export const outages: Readonly<Record<string, string>> = {
  CLUSTER_UNREACHABLE: 'The cluster does not answer.',
  CLUSTER_UNTRUSTED: 'The certificate of the cluster is not trusted.',
  UNAUTHENTICATED: 'The cluster rejects your credentials.',
  API_ERROR: 'The cluster answers with an error.',
};

/** Shows one notice for all kinds that failed with the same error. Renders nothing if all kinds can be read. */
export function SourceProblems({ of }: { readonly of: readonly Source[] }): ReactNode {
  const { status } = useCluster();
  const failed = of.flatMap((source) => {
    const state = status[source];
    return state.state === 'failed' ? [{ source, state }] : [];
  });
  const groups = Map.groupBy(failed, ({ state: { code, message, details } }) =>
    code in outages ? code : JSON.stringify([code, message, details]),
  );
  return [...groups].map(([key, group]) => {
    const [first] = group;
    const what = group.map(({ source }) => source).join(' and ');
    if (!first) return null;
    const { code, message, details, next } = first.state;
    const title =
      code === 'FORBIDDEN'
        ? `You are not permitted to read ${what}`
        : `${what[0]?.toUpperCase()}${what.slice(1)} cannot be read`;
    return <Problem key={key} title={title} message={message} next={[...details, ...next]} />;
  });
}
