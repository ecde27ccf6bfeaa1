/**
 * Halts an app even if the rest of its spec cannot be applied. A person who has to stop an app in an emergency should
 * not have to correct its spec first. Therefore, the operator sets the replicas to 0 first, and then applies the rest
 * of the spec, which the API server may refuse. When such a halt ends, the app runs again as it was last deployed, and
 * no part of the refused spec is rolled out.
 */
import type { App } from '../api/index.ts';
import { dependencyFault } from './dependencies.ts';
import { deployedAccount, deployedMark, type Deployment } from './deployment.ts';
import { dryRunPodOf } from './dry-run.ts';
import type { TargetReason } from './reasons.ts';
import { forgettingHalt, resuming, stopping } from './replicas.ts';
import type { ScaleStep } from './steps.ts';
import type { ObservedTarget } from './target-spec.ts';

/**
 * Reasons that concern only the spec and its objects. With each of these reasons, the namespace exists, and the
 * operator is permitted to write into the namespace.
 */
const specReasons: readonly TargetReason[] = ['InvalidSpec', 'DependencyMissing', 'NotOwned', 'Refused'];

export function isSpecReason(reason: TargetReason): boolean {
  return specReasons.includes(reason);
}

/** Steps for a target whose spec cannot be deployed. The steps halt or resume the existing Deployment. */
export function stepsWithoutSpec(app: App, state: ObservedTarget): readonly ScaleStep[] {
  const { target, deployment, gate, pods } = state;
  if (target.deployMode === 'halt') return stepsToStop(state);
  if (!deployment || !canResume(app, state)) return [];
  const hasAccount = deployedAccount(deployment) !== undefined;
  const wanted = hasAccount && gate.open && gate.identity ? [gate.identity] : [];
  const dryRunPod = dryRunPodOf(deployment.spec?.template, { deployment, wanted, pods });
  return scale(deployment, resuming(deployment)).map((step) => (dryRunPod ? { ...step, dryRunPod } : step));
}

/** Steps that halt a target. They come before all other steps on the target. */
export function stepsToStop({ target, deployment }: ObservedTarget): readonly ScaleStep[] {
  return deployment && target.deployMode === 'halt' ? scale(deployment, stopping(deployment)) : [];
}

/**
 * Steps that remove the annotation of an earlier halt from a target that is not halted. They come after the steps that
 * apply the spec.
 */
export function stepsAfterHalt({ target, deployment }: ObservedTarget): readonly ScaleStep[] {
  return deployment && target.deployMode !== 'halt' ? scale(deployment, forgettingHalt(deployment)) : [];
}

/**
 * Whether the existing Deployment can be resumed: its pods would get the identity that the template names, and no
 * dependency is missing. The second condition is necessary, because the Deployment of a halted target may have been
 * written while dependencies were missing, and then lacks their addresses.
 */
function canResume(app: App, { target, deployment, gate, others }: ObservedTarget): boolean {
  if (dependencyFault(app, target, others) !== undefined) return false;
  const account = deployment && deployedAccount(deployment);
  if (account === undefined) return true;
  return account === app.spec.serviceAccount && gate.open && gate.identity?.mark === deployedMark(deployment);
}

function scale(deployment: Deployment, scaling: ScaleStep['scaling'] | undefined): readonly ScaleStep[] {
  return scaling ? [{ kind: 'scale', deployment, scaling }] : [];
}
