/** Finds the apps, accounts and pods that use a target. Pure. */
import type { App } from '../../api/app.ts';
import type { LinkedServiceAccount, TargetStatus } from '../../api/linked-service-account.ts';
import { defaultMaxSessionDuration } from '../../identity/desired/role.ts';
import { longestSessionMs } from '../../identity/plan/sessions.ts';

export type TargetUse = {
  /**
   * Apps, accounts and pods that use the target. `text` describes one of them, without a full stop; `next` explains how
   * to end its use of the target.
   */
  readonly holders: readonly { readonly text: string; readonly next: string }[];
  /**
   * Accounts that the deletion of the target only unlinks: accounts without `spec.targets` (valid in all targets) that
   * are linked in the target, but used by no pod there.
   */
  readonly unlinked: readonly string[];
  /** Milliseconds for which AWS sessions of former pods in the target may remain valid after the target is deleted. */
  readonly sessionsMs: number;
};

export function useOfTarget(
  target: string,
  accounts: readonly LinkedServiceAccount[],
  apps: readonly App[],
): TargetUse {
  const running = apps.filter(({ spec }) => spec.targets.some(({ name }) => name === target));
  const naming = accounts.filter(({ spec }) => spec.targets?.includes(target));
  const everywhere = accounts.filter(({ spec }) => spec.targets === undefined);
  const used = everywhere.filter((account) => podsIn(account, target) > 0);
  const unlinked = everywhere.filter((account) => !used.includes(account) && isLinkedIn(account, target));
  return {
    holders: [
      ...running.map(({ metadata: { name } }) => ({
        text: `app ${name} names the target`,
        next: `Move the app: kon app edit ${name} --target TARGET; or delete it: kon app delete ${name}`,
      })),
      ...naming.map(({ metadata: { name } }) => ({
        text: `account ${name} names the target`,
        next: `Limit the account to its other targets: kon account edit ${name} --target TARGET`,
      })),
      ...used.map((account) => ({
        text: `${podsText(podsIn(account, target))} of the account ${account.metadata.name}, and would keep this identity until ${podsIn(account, target) === 1 ? 'it ends' : 'they end'}`,
        next: `End the pods of the account. To list them: kubectl -n ${target} get pods --field-selector spec.serviceAccountName=${account.metadata.name}`,
      })),
    ],
    unlinked: unlinked.map(({ metadata }) => metadata.name),
    sessionsMs: Math.max(
      0,
      ...unlinked.map(({ spec, status }) =>
        longestSessionMs({
          maxSessionSeconds: spec.aws.maxSessionDuration ?? defaultMaxSessionDuration,
          identityMode: status?.targets?.find(({ name }) => name === target)?.identityMode,
        }),
      ),
    ),
  };
}

export function isLinkedIn({ status }: LinkedServiceAccount, target: string): boolean {
  return status?.targets?.some(({ name, linked }) => name === target && linked) ?? false;
}

function podsIn({ status }: LinkedServiceAccount, target: string): number {
  return runningPods(status?.targets?.find(({ name }) => name === target));
}

/** Number of pods that run with an identity of the account. */
export function runningPods(target: Pick<TargetStatus, 'pods'> | undefined): number {
  return (target?.pods?.current ?? 0) + (target?.pods?.stale ?? 0);
}

const podsText = (count: number): string =>
  count === 1 ? 'a pod in the target holds the identity' : `${count} pods in the target hold the identity`;
