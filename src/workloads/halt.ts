/**
 * Halts that do not depend on the rest of the spec. A person who has to stop an app in an emergency should not have to correct its
 * spec first. Therefore the replicas are set to 0 before the rest of the spec is applied, since that may be refused. An app that
 * was halted this way is resumed with the spec that was last deployed, and no part of the refused spec is rolled out.
 */
import type { App, AppTarget } from '../api/index.ts';
import { dependencyFault, type OtherApps } from './dependencies.ts';
import { deployedAccount, deployedMark, type Deployment } from './deployment.ts';
import { dryRunPodOf } from './dry-run.ts';
import type { IdentityGate } from './identity-gate.ts';
import type { Pod } from './pod.ts';
import type { TargetReason } from './reasons.ts';
import { forgettingHalt, resuming, stopping } from './replicas.ts';
import type { ScaleStep } from './steps.ts';

type TargetState = {
  readonly target: AppTarget;
  readonly deployment: Deployment | undefined;
  readonly gate: IdentityGate;
  readonly others: OtherApps;
  readonly pods: readonly Pod[];
};

/** Reasons that concern only the objects to write: the namespace exists, and the operator may write into it. */
const reasonsOfSpec: readonly TargetReason[] = ['InvalidSpec', 'DependencyMissing', 'NotOwned', 'Refused'];

export function isOfSpec(reason: TargetReason): boolean {
  return reasonsOfSpec.includes(reason);
}

/** Steps for a target whose spec cannot be deployed. They halt or resume the existing Deployment. */
export function stepsWithoutSpec(app: App, standing: TargetState): readonly ScaleStep[] {
  const { target, deployment, gate, pods } = standing;
  if (target.deployMode === 'halt') return stepsToStop(standing);
  if (!deployment || !isFitToRun(app, standing)) return [];
  const hasAccount = deployedAccount(deployment) !== undefined;
  const wanted = hasAccount && gate.open && gate.identity ? [gate.identity] : [];
  const dryRunPod = dryRunPodOf(deployment.spec?.template, { deployment, wanted, pods });
  return scale(deployment, resuming(deployment)).map((step) => (dryRunPod ? { ...step, dryRunPod } : step));
}

/** First steps on a target that is to be halted. */
export function stepsToStop({ target, deployment }: TargetState): readonly ScaleStep[] {
  return deployment && target.deployMode === 'halt' ? scale(deployment, stopping(deployment)) : [];
}

/** Last steps on a target that is not halted. */
export function stepsAfterHalt({ target, deployment }: TargetState): readonly ScaleStep[] {
  return deployment && target.deployMode !== 'halt' ? scale(deployment, forgettingHalt(deployment)) : [];
}

/**
 * Whether the last deployed template may run: its pods would get the identity that the template names, and no dependency is
 * missing. A halted target may have been written while dependencies, and thus their addresses, were missing.
 */
function isFitToRun(app: App, { target, deployment, gate, others }: TargetState): boolean {
  if (dependencyFault(app, target, others) !== undefined) return false;
  const account = deployment && deployedAccount(deployment);
  if (account === undefined) return true;
  return account === app.spec.serviceAccount && gate.open && gate.identity?.mark === deployedMark(deployment);
}

function scale(deployment: Deployment, scaling: ScaleStep['scaling'] | undefined): readonly ScaleStep[] {
  return scaling ? [{ kind: 'scale', deployment, scaling }] : [];
}
