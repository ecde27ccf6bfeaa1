/**
 * Halts that do not depend on the rest of the spec. Whoever stops an app in the night must not have to mend it first, so
 * what runs is stopped by its number of replicas alone, before anything else of the spec is tried, which may not be
 * possible at all. What was stopped so is started again as it was deployed last: nothing of such a spec is rolled out.
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

type Standing = {
  readonly target: AppTarget;
  readonly deployment: Deployment | undefined;
  readonly gate: IdentityGate;
  readonly others: OtherApps;
  readonly pods: readonly Pod[];
};

/** With these the namespace is there and ours to write into: something is wrong with what is to be written. */
const reasonsOfSpec: readonly TargetReason[] = ['InvalidSpec', 'DependencyMissing', 'NotOwned', 'Refused'];

export function isOfSpec(reason: TargetReason): boolean {
  return reasonsOfSpec.includes(reason);
}

/** Of a target which cannot be deployed as its spec says. */
export function stepsWithoutSpec(app: App, standing: Standing): readonly ScaleStep[] {
  const { target, deployment, gate, pods } = standing;
  if (target.deployMode === 'halt') return stepsToStop(standing);
  if (!deployment || !isFitToRun(app, standing)) return [];
  const hasAccount = deployedAccount(deployment) !== undefined;
  const wanted = hasAccount && gate.open && gate.identity ? [gate.identity] : [];
  const dryRunPod = dryRunPodOf(deployment.spec?.template, { deployment, wanted, pods });
  return scale(deployment, resuming(deployment)).map((step) => (dryRunPod ? { ...step, dryRunPod } : step));
}

/** Before the steps of a target that is to be halted. */
export function stepsToStop({ target, deployment }: Standing): readonly ScaleStep[] {
  return deployment && target.deployMode === 'halt' ? scale(deployment, stopping(deployment)) : [];
}

/** After the steps of a target that is not halted. */
export function stepsAfterHalt({ target, deployment }: Standing): readonly ScaleStep[] {
  return deployment && target.deployMode !== 'halt' ? scale(deployment, forgettingHalt(deployment)) : [];
}

/**
 * Whether pods of the template that was deployed last would have the identity that it names. What is halted calls nobody,
 * so its template may have been written without the addresses of what was missing then.
 */
function isFitToRun(app: App, { target, deployment, gate, others }: Standing): boolean {
  if (dependencyFault(app, target, others) !== undefined) return false;
  const account = deployment && deployedAccount(deployment);
  if (account === undefined) return true;
  return account === app.spec.serviceAccount && gate.open && gate.identity?.mark === deployedMark(deployment);
}

function scale(deployment: Deployment, scaling: ScaleStep['scaling'] | undefined): readonly ScaleStep[] {
  return scaling ? [{ kind: 'scale', deployment, scaling }] : [];
}
