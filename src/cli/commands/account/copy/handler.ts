/** `kon account copy`: creates the same account on another cluster, with a separate role. */
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import { partitionOf } from '../../../../identity/desired/arn.ts';
import { policyEntries } from '../../../../identity/desired/policy-entries.ts';
import { isPolicyName, policyLists, policyNameOf } from '../../../../identity/desired/policy-names.ts';
import type { ClusterFacts } from '../../../../identity/state/world.ts';
import { findClusterFacts, getClusterFacts } from '../../../cluster/cluster-config.ts';
import { alreadyExists, createObject, findObject, getObject } from '../../../cluster/objects.ts';
import { createSession } from '../../../cluster/session.ts';
import type { CliContext } from '../../../framework/context.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { presentable, type Manifest } from '../../../manifest/present.ts';
import { writeObject } from '../../../framework/output/answer.ts';
import { asYaml } from '../../../framework/output/data.ts';
import { finishWrite, type WriteInput } from '../../../objects/finish.ts';

export async function copyFlow(
  context: CliContext,
  request: WriteInput & {
    readonly name: string;
    readonly toContext: string;
    readonly newName: string | undefined;
  },
): Promise<void> {
  const from = await context.connect();
  const account = await getObject(from, accountKind, request.name);
  const here = (await findClusterFacts(from))?.facts;
  const { kubeconfig, dryRun } = context.global;
  const there = createSession(context.env, { context: request.toContext, kubeconfig, dryRun });
  try {
    const client = await there.connect();
    const { facts } = await getClusterFacts(client);
    const name = request.newName ?? request.name;
    if (await findObject(client, accountKind, name)) throw alreadyExists(accountKind, name);
    const { manifest, notes } = copyOf(account, name, { here, there: facts });
    for (const note of notes) context.stderr.write(`‼ ${note}\n`);
    const object = await createObject(client, accountKind, manifest, { dryRun: request.dryRun });
    if (request.dryRun) await writeObject(context, manifest, () => asYaml(manifest));
    else await finishWrite(context, client, accountKind, { object, did: 'created' }, request);
  } finally {
    await there.close();
  }
}

/** Returns the copy for the other cluster, with notes for the user. Pure. */
export function copyOf(
  account: LinkedServiceAccount,
  name: string,
  { here, there }: { readonly here: ClusterFacts | undefined; readonly there: ClusterFacts },
): { readonly manifest: Manifest; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const {
    roleName,
    adopt: _adopt,
    permissionsBoundaryArn,
    policyArns: _arns,
    policyNames: _names,
    ...aws
  } = account.spec.aws;
  // The copy omits the role's name, because a role belongs to one account on one cluster.
  if (roleName !== undefined)
    notes.push(`The role ${roleName} stays with the original account; the copy gets its own role.`);
  const local = (arn: string): string => {
    // AWS managed policies exist in each partition under the same name.
    const own = /^arn:[^:]+:iam::aws:(policy\/.+)$/.exec(arn)?.[1];
    if (own !== undefined) return `arn:${there.partition}:iam::aws:${own}`;
    const owner = arn.split(':')[4];
    const isOwn = owner === there.accountId && partitionOf(arn) === there.partition;
    const isNamed = arn !== permissionsBoundaryArn && here && policyNameOf(arn, here) !== undefined;
    if (!isOwn && !isNamed)
      notes.push(
        `Cluster ${there.name} cannot attach ${arn}, because the policy belongs to another AWS account.`,
      );
    return arn;
  };
  const policies = policyLists(
    policyEntries(account.spec.aws).map((entry) => {
      if (isPolicyName(entry)) return entry;
      const arn = local(entry);
      return policyNameOf(arn, there) ?? (here && policyNameOf(arn, here)) ?? arn;
    }),
  );
  const own = (policies.policyNames ?? []).filter((entry) => entry.startsWith('account/'));
  if (own.length > 0 && here?.accountId !== there.accountId)
    notes.push(
      `${own.join(', ')}: cluster ${there.name} attaches the policies of AWS account ${there.accountId} that have these names.`,
    );
  const unknown = (account.spec.targets ?? []).filter((target) => !there.targets.includes(target));
  if (unknown.length > 0)
    notes.push(
      `Cluster ${there.name} has no target ${unknown.join(', ')}; its targets: ${there.targets.join(', ')}`,
    );
  return {
    manifest: {
      ...presentable(account),
      metadata: { ...presentable(account).metadata, name },
      spec: {
        ...account.spec,
        aws: {
          ...policies,
          ...aws,
          ...(permissionsBoundaryArn === undefined
            ? {}
            : { permissionsBoundaryArn: local(permissionsBoundaryArn) }),
        },
      },
    },
    notes,
  };
}
