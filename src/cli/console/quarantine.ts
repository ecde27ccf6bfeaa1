/**
 * Quarantine and release for the console: describes the effect, finds the missing permissions, and does the action, all
 * with the user's own credentials.
 */
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { quarantines } from '../../api/resources.ts';
import { resources, type KubeClient } from '../../kube/index.ts';
import { may, type Right } from '../cluster/self-review.ts';
import { quarantineConsequence } from '../commands/account/quarantine/handler.ts';
import {
  consequenceOf as releaseConsequence,
  endQuarantine,
  isAnyYoung,
  requireQuarantine,
} from '../commands/account/release/handler.ts';
import type { CliContext, Output } from '../framework/context.ts';
import { CliError } from '../framework/errors.ts';
import { createQuarantine, quarantinesOf } from '../objects/quarantine.ts';
import { podsOfAccount } from '../pods/account-pods.ts';
import type { Proposal, QuarantineProposals } from './wire.ts';

/** Describes the permissions that the user lacks. */
async function missing(client: KubeClient, rights: readonly Right[]): Promise<readonly string[]> {
  const checked = await Promise.all(
    rights.map(async (right) => {
      if (await may(client, right)) return [];
      const { verb, resource, namespace } = right;
      const kind = resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
      return [`${verb} ${kind}${namespace === undefined ? '' : ` in namespace ${namespace}`}`];
    }),
  );
  return [...new Set(checked.flat())];
}

/**
 * Returns the permissions that the user lacks for pods in the account's targets. Checks the whole cluster first, with
 * one request, because most users have a cluster-wide permission.
 */
async function missingInTargets(
  client: KubeClient,
  verb: string,
  { status }: LinkedServiceAccount,
): Promise<readonly string[]> {
  const right = { verb, resource: resources.pods };
  const targets = status?.targets ?? [];
  if (targets.length === 0 || (await may(client, right))) return [];
  return missing(
    client,
    targets.map(({ name }) => ({ ...right, namespace: name })),
  );
}

export async function quarantineProposals(
  client: KubeClient,
  account: LinkedServiceAccount,
  { now }: Pick<CliContext, 'now'>,
): Promise<QuarantineProposals> {
  const [create, remove, list, removePods] = await Promise.all([
    missing(client, [{ verb: 'create', resource: quarantines }]),
    missing(client, [
      { verb: 'list', resource: quarantines },
      { verb: 'delete', resource: quarantines },
    ]),
    missingInTargets(client, 'list', account),
    missingInTargets(client, 'delete', account),
  ]);
  const pods = list.length === 0 ? await podsOfAccount(client, account) : undefined;
  const release = (deletesPods: boolean, missingRights: readonly string[]): Proposal => ({
    missingRights,
    ...(pods ? { consequence: releaseConsequence({ now }, account, pods, deletesPods) } : {}),
  });
  return {
    quarantine: { missingRights: create, consequence: quarantineConsequence(account) },
    release: release(false, [...remove, ...list]),
    releaseWithPods: release(true, [...remove, ...list, ...removePods]),
  };
}

/** @throws CliError of code ALREADY_EXISTS or USAGE */
export async function quarantine(
  client: KubeClient,
  { metadata: { name } }: LinkedServiceAccount,
  body: unknown,
): Promise<{ readonly created: boolean }> {
  const { reason } = (body ?? {}) as { readonly reason?: unknown };
  if (reason !== undefined && typeof reason !== 'string')
    throw new CliError('USAGE', 'the reason must be a text');
  const { isNew } = await createQuarantine(client, {
    account: name,
    reason: reason || undefined,
    dryRun: false,
  });
  return { created: isNew };
}

/** Discards the progress that commands report to the terminal, because the page follows the account instead. */
const silent: Output = {
  write: () => undefined,
  isTTY: false,
  columns: undefined,
  color: false,
  redraws: false,
};

/** Maximum time in milliseconds to wait until the quarantine is in effect, before pods are deleted. */
const timeoutMs = 300_000;

/**
 * Deletes the Quarantines of an account. If the request body sets `deletePods`, deletes the account's pods first. If
 * the user closes the page before the end, the account stays in quarantine.
 * @throws CliError of code NOT_FOUND if the account is not in quarantine; of code NOT_READY when the timeout expires
 */
export async function releaseAccount(
  context: CliContext,
  account: LinkedServiceAccount,
  body: unknown,
): Promise<{ readonly deleted: readonly string[] }> {
  const { deletePods } = (body ?? {}) as { readonly deletePods?: unknown };
  const client = await context.connect();
  const known = await requireQuarantine(client, account);
  await endQuarantine({ ...context, stdout: silent, stderr: silent }, client, account, {
    isYoung: isAnyYoung(known, context.now()),
    deletePods: deletePods === true,
    dryRun: false,
    timeoutMs,
  });
  const left = new Set(
    (await quarantinesOf(client, account.metadata.name)).map(({ metadata }) => metadata.uid),
  );
  return {
    deleted: known.flatMap(({ metadata }) => (left.has(metadata.uid) ? [] : [metadata.name])),
  };
}
