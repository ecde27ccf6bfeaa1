/** Reports on an account: its status, and Events about what changed. */
import {
  linkedServiceAccounts,
  schemaVersion,
  statusOfSchema,
  type LinkedServiceAccount,
  type LinkedServiceAccountStatus,
} from '../../api/index.ts';
import { identityProven, joinEvents, sessionsOutlive, type AccountWorld } from '../../identity/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import type { KubeClient } from '../../kube/index.ts';
import type { OperatorContext } from '../context.ts';
import type { WriteThroughCache } from '../observed-state/write-through-cache.ts';
import { reportStatus } from '../report-status.ts';
import type { AccountMemory } from './account-memory.ts';

export function createAccountReporter(of: {
  readonly context: OperatorContext;
  readonly accounts: WriteThroughCache<LinkedServiceAccount>;
  readonly clientFor: (account: LinkedServiceAccount) => KubeClient;
}) {
  const { recorder, logger } = of.context;

  /** Records one Event when the status first shows that STS accepts no token of the cluster. */
  const reportProvider = ({ account, cluster }: AccountWorld, status: LinkedServiceAccountStatus): void => {
    const problem = cluster.ok ? cluster.facts.providerProblem : undefined;
    const reasonIn = (reported: LinkedServiceAccountStatus | undefined): string | undefined =>
      findCondition(reported?.conditions, 'IdentityProven')?.reason;
    if (problem && reasonIn(status) === problem.reason && reasonIn(account.status) !== problem.reason)
      recorder.event(account, { type: 'Warning', reason: problem.reason, note: problem.message });
  };

  return {
    /**
     * Writes the status if it differs from the stored status, and adds Events about the changes to
     * `memory.pendingEvents`.
     */
    async status(
      world: AccountWorld,
      planned: LinkedServiceAccountStatus,
      memory: AccountMemory,
      signal: AbortSignal,
    ): Promise<void> {
      const { account } = world;
      const { name } = account.metadata;
      const status = statusOfSchema(planned, of.context.accountSchemaVersion?.() ?? schemaVersion);
      const writer = { client: of.clientFor(account), cache: of.accounts, signal };
      if (!(await reportStatus(linkedServiceAccounts, account, status, writer))) return;
      reportProvider(world, status);
      const before = namesOf(account.status?.targets?.filter((row) => row.proven));
      const former = namesOf(account.status?.formerTargets);
      for (const row of status.targets ?? [])
        if (row.proven && !before.has(row.name)) memory.pendingEvents.push(identityProven(row.name, name));
      for (const entry of status.formerTargets ?? [])
        if (!former.has(entry.name)) memory.pendingEvents.push(sessionsOutlive(entry, name));
    },

    /** Records one Event about drift, before it is repaired. */
    drift(account: LinkedServiceAccount, drift: readonly string[], memory: AccountMemory): void {
      const note = `changed outside Konstellation: ${drift.join('; ')}`;
      const isReported = findCondition(account.status?.conditions, 'RoleSynced')?.reason === 'RoleDrifted';
      if (isReported || memory.reportedDrift === note) return;
      memory.reportedDrift = note;
      logger.warn('role drifted', { account: account.metadata.name, drift });
      recorder.event(account, { type: 'Warning', reason: 'RoleDrifted', note });
    },

    /** Records the pending Events. */
    events(account: LinkedServiceAccount, { pendingEvents }: AccountMemory): void {
      for (const event of joinEvents(pendingEvents.splice(0)))
        recorder.event(account, { type: 'Normal', ...event });
    },
  };
}

function namesOf(rows: readonly { readonly name: string }[] | undefined): ReadonlySet<string> {
  return new Set(rows?.map(({ name }) => name));
}
