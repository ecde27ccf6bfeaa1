/** `kon account import`: creates an account for an existing role. */
import { accountLabel, roleArnAnnotation } from '../../../../api/labels.ts';
import { accountLabelValue } from '../../../../identity/desired/names.ts';
import type { ObservedRole } from '../../../../identity/state/world.ts';
import { resources, type KubeClient, type KubeObject } from '../../../../kube/index.ts';
import { requireAccount, withAws } from '../../../aws/session.ts';
import { getClusterFacts } from '../../../cluster/cluster-config.ts';
import { alreadyExists, createObject, findObject, orMissing } from '../../../cluster/objects.ts';
import { confirm } from '../../../framework/confirm.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { writeObject } from '../../../framework/output/answer.ts';
import { asYaml } from '../../../framework/output/data.ts';
import { isData } from '../../../framework/output/format.ts';
import { finishWrite, type WriteInput } from '../../../objects/finish.ts';
import { importRole, type Import } from './manifest-of-role.ts';
import { gatherUse, usersOf } from '../../../roles/observe-users.ts';
import { excludedBy, type RoleUser, type Exclusion, type Subject } from '../../../roles/excluded-users.ts';

type ImportRequest = WriteInput & {
  readonly name: string | undefined;
  readonly role: string;
  readonly targets: readonly string[];
  readonly takeServiceAccounts: boolean;
  readonly yes: boolean;
};

export async function importFlow(context: CliContext, request: ImportRequest): Promise<void> {
  const { stderr } = context;
  const client = await context.connect();
  const { facts, region } = await getClusterFacts(client);
  const { role, use } = await withAws(context, region, async (aws) => {
    await requireAccount(context, aws, facts);
    const existing = await aws.roles.read(request.role, context.signal);
    if (!existing) throw new CliError('NOT_FOUND', `role "${request.role}" not found in IAM`);
    const { associations } = aws.podIdentity(facts.name);
    const users = await usersOf(existing, await gatherUse({ client, associations, signal: context.signal }));
    return { role: existing, use: users };
  });
  const outcome = importRole(role, facts, request);
  if (outcome.kind === 'unsound') throw new CliError('INVALID', outcome.problem, { next: outcome.next });
  const { manifest } = outcome;
  const { name } = manifest.metadata;
  if (await findObject(client, accountKind, name)) throw alreadyExists(accountKind, name);
  const { targets = facts.targets } = manifest.spec as { readonly targets?: readonly string[] };
  const foreign = await unlabelled(client, name, targets);
  const isLeftAlone = ({ namespace }: Subject): boolean =>
    !request.takeServiceAccounts && foreign.some(({ metadata }) => metadata.namespace === namespace);
  const excluded = excludedBy(
    role,
    facts,
    use,
    (subject) =>
      subject.serviceAccount === name &&
      targets.includes(subject.namespace) &&
      facts.targets.includes(subject.namespace) &&
      !isLeftAlone(subject),
  );
  // Validates the manifest by a dry run on the API server before asking for consent and before changing anything.
  await createObject(client, accountKind, manifest, { dryRun: true });

  if (!isData(context.format) || !request.dryRun)
    stderr.write(consequences(outcome, role, excluded, foreign, request));
  if (excluded.inUse.length > 0) throw inUse(role, excluded, { name, targets, of: facts.targets });
  if (request.dryRun) return writeObject(context, manifest, () => asYaml(manifest));
  await confirm(context, {
    yes: request.yes,
    what: `adopting the role ${role.name}`,
    question: `Adopt role ${role.name} as account "${name}"?`,
    declined: 'Nothing was changed.',
  });
  if (request.takeServiceAccounts)
    for (const { metadata } of foreign)
      await client.patch(
        resources.serviceAccounts,
        { namespace: metadata.namespace ?? '', name },
        { metadata: { labels: { [accountLabel]: accountLabelValue(name) } } },
        { type: 'merge', fieldManager: 'kon' },
      );
  const object = await createObject(client, accountKind, manifest);
  return finishWrite(context, client, accountKind, { object, did: 'created' }, request);
}

/**
 * Returns the existing ServiceAccounts without the ownership label of this account. The operator does not change such
 * ServiceAccounts.
 */
async function unlabelled(
  client: KubeClient,
  name: string,
  targets: readonly string[],
): Promise<readonly KubeObject[]> {
  const found = await Promise.all(
    targets.map((namespace) => orMissing(client.get(resources.serviceAccounts, { namespace, name }))),
  );
  return found
    .filter((object) => object !== undefined)
    .filter((object) => object.metadata.labels?.[accountLabel] !== accountLabelValue(name));
}

type Adoption = {
  readonly name: string;
  readonly targets: readonly string[];
  /** All targets of the cluster. */
  readonly of: readonly string[];
};

/** Returns the error for an adoption that would take credentials from running pods. */
function inUse(role: ObservedRole, { inUse: users, inUseBy }: Exclusion, account: Adoption): CliError {
  const steps = new Set(inUseBy.map((user) => stepFor(user, role, account)));
  if (users.length > inUseBy.length)
    steps.add(
      'First remove other clusters from the trust policy. Then import the role with a user of the cluster who is permitted to list pods and ServiceAccounts',
    );
  return new CliError('CONFLICT', `role "${role.name}" is in use, and its users would lose access`, {
    details: users,
    next: [...steps],
  });
}

function stepFor(
  { namespace, serviceAccount, byAssociation }: RoleUser,
  role: ObservedRole,
  { name, targets, of }: Adoption,
): string {
  const command = `kon account import ${name} --role ${role.name}`;
  if (byAssociation)
    return `Give the ServiceAccount ${namespace}/${serviceAccount} another role, or end its pods; in both cases, also delete the association of the ServiceAccount`;
  if (serviceAccount !== name)
    return `Move ${namespace}/${serviceAccount} to an account and role of its own, or end its pods`;
  if (!of.includes(namespace))
    return `Make the namespace ${namespace} a target: kon target create ${namespace}`;
  if (!targets.includes(namespace))
    return `Allow the target ${namespace} too: ${command} ${[...targets, namespace].map((target) => `--target ${target}`).join(' ')}`;
  return `Hand the ServiceAccounts over: ${command} --take-service-accounts`;
}

function consequences(
  outcome: Extract<Import, { kind: 'sound' }>,
  role: ObservedRole,
  excluded: Exclusion,
  foreign: readonly KubeObject[],
  request: ImportRequest,
): string {
  const { name } = outcome.manifest.metadata;
  const lines = [
    `Imports role ${role.arn} as account "${name}": replaces the trust policy of the role; keeps the attached policies of the role (${role.attachedPolicyArns.length}). When the account is deleted, the role is kept.`,
    ...[...excluded.inUse, ...excluded.others].map((who) => `‼ Loses access: ${who}`),
    ...outcome.notes.map((note) => `‼ ${note}`),
  ];
  for (const { metadata } of foreign) {
    const full = `${metadata.namespace}/${metadata.name}`;
    const carried = metadata.annotations?.[roleArnAnnotation];
    const carries = carried === undefined ? '' : `, which has the role ${carried}`;
    lines.push(
      request.takeServiceAccounts
        ? `The ServiceAccount ${full}${carries} will get a label that hands it over to the account.`
        : `‼ The ServiceAccount ${full}${carries} exists and is not handed over, so its pods get no access. To hand it over: --take-service-accounts`,
    );
  }
  return `${lines.join('\n')}\n`;
}
