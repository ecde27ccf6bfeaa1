/** Checks the API server and the features that Konstellation needs. */
import { isDeepStrictEqual } from 'node:util';
import { crds, schemaVersion } from '../../../../api/crds.ts';
import { resources } from '../../../../kube/index.ts';
import { describeCollision, nameCollisions, type NamedCrd } from '../../../cluster/name-collisions.ts';
import { formatAge } from '../../../framework/duration.ts';
import { laterSchema } from '../../../installation/downgrade.ts';
import { failure, ok, warning, type Checks, type Verdict } from '../check.ts';

type Crd = NamedCrd & {
  readonly spec?: { readonly versions?: readonly { readonly name: string; readonly schema?: unknown }[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
};

/**
 * Clock skew in milliseconds that causes a warning or an error. AWS rejects SigV4 signatures and tokens if the skew exceeds five
 * minutes. Source: AWS, "Signing requests".
 */
const skew = { warning: 30_000, error: 240_000 };

export const clusterChecks = {
  kubeconfig: async ({ connection }) => {
    const { context, server } = await connection();
    return ok(context === undefined ? server : `${context}, ${server}`);
  },
  'api-server': async ({ client, signal }) => {
    const answer = await (await client()).raw({ method: 'GET', path: '/version', signal });
    if (answer.status !== 200)
      return failure(`the API server answers /version with ${answer.status}`, [answer.body]);
    const { gitVersion = 'of an unknown version' } = JSON.parse(answer.body) as { gitVersion?: string };
    return ok(`Kubernetes ${gitVersion}`);
  },
  'clock-skew': async ({ client, now, signal }) => {
    const sent = now();
    const { headers } = await (await client()).raw({ method: 'GET', path: '/version', signal });
    return clockVerdict(headers['date'], sent, now(), 'the API server');
  },
  crds: async ({ client, signal }) => {
    const { items } = await (await client()).list<Crd>(resources.customResourceDefinitions, { signal });
    const found = new Map(items.map((item) => [item.metadata.name, item]));
    const missing: string[] = [];
    const differing: string[] = [];
    for (const wanted of crds()) {
      const { name } = wanted.metadata;
      const installed = found.get(name);
      const established = installed?.status?.conditions?.some(
        ({ type, status }) => type === 'Established' && status === 'True',
      );
      if (!installed || established !== true) missing.push(name);
      else if (!hasSchema(installed, wanted)) differing.push(name);
    }
    if (missing.length > 0)
      return failure(`CRDs that are not served: ${missing.join(', ')}`, [
        'Install the CRDs: kon crds | kubectl apply --server-side --force-conflicts -f -',
      ]);
    const later = laterSchema(items.map((item) => ({ ...item, spec: item.spec ?? {} })));
    if (later)
      return warning(
        `the CRDs (schema version ${later.from}) are newer than this kon (schema version ${schemaVersion})${later.fields.length > 0 ? `; this kon does not know ${later.fields.join(', ')}` : ''}`,
        [
          'Use the version of kon and of the operator that matches the CRDs: older versions cannot apply fields that they do not know.',
        ],
      );
    return differing.length === 0
      ? ok()
      : warning(`CRDs differ from those of this version of kon: ${differing.join(', ')}`, [
          'Use the version of kon that matches the installed CRDs. Or update the CRDs: kon crds | kubectl apply --server-side --force-conflicts -f -',
        ]);
  },
  'kind-names': async ({ client, signal }) => {
    const { items } = await (await client()).list<Crd>(resources.customResourceDefinitions, { signal });
    const [first, ...others] = nameCollisions(items).map(describeCollision);
    return first === undefined ? ok() : warning(first, others);
  },
} satisfies Checks;

/**
 * Whether the installed CRD has the schema of this version of kon. Ignores the CRD's other fields, because the API
 * server fills in defaults there.
 */
function hasSchema(installed: Crd, wanted: ReturnType<typeof crds>[number]): boolean {
  const versions = (wanted.spec as unknown as { versions: readonly { name: string; schema: unknown }[] })
    .versions;
  return versions.every((version) =>
    isDeepStrictEqual(
      installed.spec?.versions?.find(({ name }) => name === version.name)?.schema,
      JSON.parse(JSON.stringify(version.schema)),
    ),
  );
}

/** @param date an HTTP `Date` header with a resolution of one second: https://www.rfc-editor.org/rfc/rfc9110#field.date */
export function clockVerdict(
  date: string | undefined,
  sent: number,
  received: number,
  whose: string,
): Verdict {
  const there = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(there)) return warning(`${whose} returns no time`);
  // The server set the date after the request was sent and before the response arrived, and truncated the date to the
  // second.
  const ahead = Math.max(0, there - received);
  const behind = Math.max(0, sent - (there + 1000));
  const off = Math.max(ahead, behind);
  const text = `${whose} is ${formatAge(off)} ${ahead > 0 ? 'ahead of' : 'behind'} this machine`;
  if (off >= skew.error)
    return failure(text, ['AWS rejects signatures and tokens that are five minutes off.']);
  return off >= skew.warning ? warning(text) : ok();
}
