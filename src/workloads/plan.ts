/**
 * Plans the writes for an App from the App, its account and the state of the cluster. The planner is pure: the operator
 * observes the state and executes the plan. After a plan was executed, the next plan has no steps.
 */
import {
  apps,
  isReservedNamespace,
  newerSpecMessage,
  reservedTargetMessage,
  type App,
  type AppTarget,
  type LinkedServiceAccount,
} from '../api/index.ts';
import { defined } from '../k8s/defined.ts';
import { dependencyFault, type OtherApps } from './dependencies.ts';
import { deployedAccount, deployedMark, hasReplicas, type Deployment } from './deployment.ts';
import { withDryRun } from './dry-run.ts';
import { isSpecReason, stepsAfterHalt, stepsToStop, stepsWithoutSpec } from './halt.ts';
import {
  identityGate,
  identityOfMark,
  type IdentityFinding,
  type Identity,
  type IdentityGate,
} from './identity-gate.ts';
import { isInSync, type Manifest, type ObservedObject } from './manifest.ts';
import { describeOwner, isOwnedBy } from './ownership.ts';
import { isRolledOut, podToReplace } from './pod-replacement.ts';
import { haveSameTemplate } from './pod-template.ts';
import type { Pod } from './pod.ts';
import type { TargetReason } from './reasons.ts';
import { configsInUse } from './render-configs.ts';
import { render } from './render.ts';
import type { ApplyStep, DeleteStep, ScaleStep, Step } from './steps.ts';
import { specFault, type ObservedTarget } from './target-spec.ts';
import type { RolloutSlot, SlotBlocker } from './rollout-group.ts';
import type { Wall } from '../k8s/time.ts';
import { unadmitted } from './unadmitted.ts';

export type AppObservation = {
  readonly app: App;
  readonly now: Wall;
  /** Account that the App names, if it exists. */
  readonly account: LinkedServiceAccount | undefined;
  /** Existing Apps that the App depends on, by name. */
  readonly others: OtherApps;
  /** Set when the ClusterConfig has fields of a later version, so this version must not act on the ClusterConfig. */
  readonly newerConfig?: string;
  /**
   * Creation time of the newest admission policy, as in `AccountWorld`. Undefined if the operator does not require the
   * policies.
   */
  readonly admittedSince?: Wall;
  /** Targets where this process has observed a Deployment of the App. Default: none. */
  readonly deployedIn?: ReadonlySet<string>;
  /** Targets of the ClusterConfig. */
  readonly knownTargets: ReadonlySet<string>;
  /** Namespace of the operator, if known. This namespace cannot be a target. */
  readonly operatorNamespace?: string;
  readonly namespaces: ReadonlyMap<string, 'present' | 'terminating'>;
  /** Objects with this App's label, in all namespaces. */
  readonly objects: readonly ObservedObject[];
  /** Pods with this App's label. */
  readonly pods: readonly Pod[];
  /** Rollout slots by target, for targets whose pods have to change to a different identity. */
  readonly slots: ReadonlyMap<string, RolloutSlot>;
};

export type TargetPlan = { readonly target: AppTarget } &
  /** `blocked`: the target's spec is not applied. The steps only halt or resume the existing Deployment. */
  (
    | {
        readonly kind: 'blocked';
        readonly reason: TargetReason;
        readonly message: string;
        readonly steps: readonly ScaleStep[];
      }
    /** `held`: the target waits for its identity. The steps replace no running pods. */
    | {
        readonly kind: 'held';
        readonly blocker: IdentityFinding | SlotBlocker;
        readonly steps: readonly Step[];
      }
    | {
        readonly kind: 'deploy';
        readonly identity?: Identity;
        readonly warning?: IdentityFinding;
        readonly steps: readonly Step[];
      }
  );

export type AppPlan = {
  readonly targets: readonly TargetPlan[];
  /** Deletions of objects on targets that the App no longer lists. */
  readonly removals: readonly DeleteStep[];
};

export function planApp(observation: AppObservation): AppPlan {
  const { app, objects } = observation;
  // While an App is being deleted, its objects are garbage collected through their owner references, so nothing is
  // planned.
  if (app.metadata.deletionTimestamp !== undefined) return { targets: [], removals: [] };
  const targets = new Set(app.spec.targets.map((target) => target.name));
  return {
    targets: app.spec.targets.map((target) => planTarget(observation, target)),
    removals: (newerSpec(observation) === undefined ? objects : [])
      .filter((object) => !targets.has(object.metadata.namespace ?? ''))
      .flatMap((object) => deletion(app, object)),
  };
}

function observedTarget(observation: Omit<AppObservation, 'slots'>, target: AppTarget): ObservedTarget {
  const { app, account, others } = observation;
  const objects = observation.objects.filter((object) => object.metadata.namespace === target.name);
  const deployment = deploymentOf(app, objects);
  const gate = identityGate({
    account: app.spec.serviceAccount,
    linkedServiceAccount: account,
    target: target.name,
    deployedMark: deployedMark(deployment),
  });
  const pods = observation.pods.filter((pod) => pod.metadata.namespace === target.name);
  return { target, objects, deployment, gate, others, pods };
}

/**
 * Returns the reason why pods of the App must not be created on the target now; undefined if the identity gate is open.
 */
export function gateClosedBy(
  observation: Omit<AppObservation, 'slots'>,
  target: AppTarget,
): IdentityFinding | undefined {
  const { gate } = observedTarget(observation, target);
  return gate.open ? undefined : gate;
}

/**
 * Returns the existing Deployment of a target, its identity gate, and whether the target wants another identity.
 * Undefined if a new identity would replace no pod of the target.
 */
export function identityState(
  observation: Omit<AppObservation, 'slots'>,
  target: AppTarget,
): { readonly deployment: Deployment; readonly gate: IdentityGate; readonly wants: boolean } | undefined {
  if (target.deployMode === 'halt' || targetBlocker(observation, target)) return undefined;
  const { deployment, gate } = observedTarget(observation, target);
  if (!deployment || !hasReplicas(deployment)) return undefined;
  const wants = gate.open && deployedMark(deployment) !== gate.identity?.mark;
  return { deployment, gate, wants };
}

function planTarget(observation: AppObservation, target: AppTarget): TargetPlan {
  const observed = observedTarget(observation, target);
  const { gate } = observed;
  const blocker = targetBlocker(observation, target);
  if (blocker) {
    const steps = isSpecReason(blocker.reason) ? stepsWithoutSpec(observation.app, observed) : [];
    return { target, kind: 'blocked', ...blocker, steps };
  }
  // A halted target does not wait for the gate, because it has no pods that could start without their identity.
  if (!gate.open && target.deployMode !== 'halt') return { target, kind: 'held', blocker: gate, steps: [] };

  const slot = target.deployMode === 'halt' ? undefined : observation.slots.get(target.name);
  if (slot?.kind === 'waits') {
    const steps = stepsWhileWaiting(observation.app, observed);
    if (steps) return { target, kind: 'held', blocker: slot.blocker, steps };
  }

  const identity = gate.open ? gate.identity : undefined;
  const warning = gate.open ? gate.warning : undefined;
  const steps = stepsTo(observation.app, identity, observed, identity ? [identity] : []);
  if (typeof steps === 'string') {
    const stopping = stepsWithoutSpec(observation.app, observed);
    return { target, kind: 'blocked', reason: 'NotOwned', message: steps, steps: stopping };
  }
  const { deployment, pods } = observed;
  const replacements = deployment
    ? podToReplace({ deployment, isRolledOut: isRolledOut(deployment), identity, pods })
    : [];
  return {
    target,
    kind: 'deploy',
    ...defined({ identity, warning }),
    steps: [...stepsToStop(observed), ...steps, ...stepsAfterHalt(observed), ...replacements],
  };
}

/**
 * Returns the steps of a target that waits for its rollout slot: only steps that start no rollout. Undefined if a
 * rollout is necessary for another reason, for example a new image. In that case, the target does not wait, since the
 * webhook gives the new identity to all new pods anyway.
 */
function stepsWhileWaiting(app: App, observed: ObservedTarget): readonly Step[] | undefined {
  const { deployment, target, others, gate } = observed;
  if (!deployment) return undefined;
  const { serviceAccount: _, ...spec } = app.spec;
  const account = deployedAccount(deployment);
  const asDeployed = { ...app, spec: { ...spec, ...defined({ serviceAccount: account }) } };
  const identity = identityOfMark(deployedMark(deployment));
  const rendered = render({ app: asDeployed, target, identity, observed: deployment, others }).find(
    ({ kind }) => kind === 'Deployment',
  );
  const isRolledAnyway = rendered !== undefined && !haveSameTemplate(rendered, deployment);
  // An edit that changes both account and image is one change: no part of it is applied before the target has its slot.
  if (isRolledAnyway) return account === app.spec.serviceAccount ? undefined : [];
  // If the app still names the deployed account, the webhook already gives the new identity to every new pod.
  const next = gate.open && account === app.spec.serviceAccount ? gate.identity : undefined;
  const wanted = identity ? [identity, ...(next ? [next] : [])] : [];
  const steps = stepsTo(asDeployed, identity, observed, wanted);
  return typeof steps === 'string' ? undefined : steps;
}

/**
 * Returns the steps that deploy the spec of `app` on a target with this identity. Returns a message instead if an
 * object of the same name does not belong to the App.
 * @param wanted accepted identities: a new pod has to get one of these
 */
function stepsTo(
  app: App,
  identity: Identity | undefined,
  { target, objects, deployment, others, pods }: ObservedTarget,
  wanted: readonly Identity[],
): readonly Step[] | string {
  const manifests = render({ app, target, identity, observed: deployment, others });
  const isWanted = (object: ObservedObject): boolean =>
    manifests.some((manifest) => isSameObject(manifest, object));
  const foreign = objects.find((object) => !isOwnedBy(app, object) && isWanted(object));
  if (foreign) return notOwnedMessage(foreign);
  return [
    ...withDryRun(
      manifests.flatMap((manifest) => application(manifest, objects)),
      { deployment, wanted, pods },
    ),
    ...objects
      .filter((object) => !isWanted(object) && !isStillRead(object, deployment))
      .flatMap((object) => deletion(app, object)),
  ];
}

/**
 * Whether the object is a ConfigMap that pods may still read. Pods of the previous template may restart containers
 * until the last of these pods is deleted.
 */
function isStillRead(object: ObservedObject, deployment: Deployment | undefined): boolean {
  return (
    object.kind === 'ConfigMap' &&
    deployment !== undefined &&
    (!isRolledOut(deployment) || configsInUse(deployment).has(object.metadata.name))
  );
}

function targetBlocker(
  observation: Omit<AppObservation, 'slots'>,
  target: AppTarget,
): { reason: TargetReason; message: string } | undefined {
  const { app, knownTargets, operatorNamespace, namespaces, others } = observation;
  const { name } = target;
  const newer = newerSpec(observation);
  if (newer !== undefined) return { reason: 'SpecNewerThanOperator', message: newer };
  if (isReservedNamespace(name, operatorNamespace))
    return { reason: 'TargetReserved', message: reservedTargetMessage(name) };
  if (!knownTargets.has(name)) {
    const message = `"${name}" is not a target of this cluster${listOf(knownTargets)}`;
    return { reason: 'TargetUnknown', message };
  }
  const namespace = namespaces.get(name);
  if (namespace === undefined)
    return { reason: 'NamespaceMissing', message: `namespace "${name}" does not exist yet` };
  if (namespace === 'terminating')
    return { reason: 'NamespaceTerminating', message: `namespace "${name}" is being deleted` };
  const notAdmitted = unadmitted(observation, target);
  if (notAdmitted !== undefined) return { reason: 'NotAdmitted', message: notAdmitted };
  const fault = specFault(app, target);
  if (fault !== undefined) return { reason: 'InvalidSpec', message: fault };
  const missing = dependencyFault(app, target, others);
  return missing === undefined ? undefined : { reason: 'DependencyMissing', message: missing };
}

function newerSpec({ app, newerConfig }: Omit<AppObservation, 'slots'>): string | undefined {
  return newerSpecMessage(apps.kind, app.spec) ?? newerConfig;
}

function listOf(targets: ReadonlySet<string>): string {
  return targets.size === 0
    ? ': no ClusterConfig lists a target'
    : `, whose targets are ${[...targets].sort().join(', ')}`;
}

/** Deployment of the App among the objects of one target. */
export function deploymentOf(app: App, objects: readonly ObservedObject[]): Deployment | undefined {
  return objects.find(
    (object) =>
      object.kind === 'Deployment' && object.metadata.name === app.metadata.name && isOwnedBy(app, object),
  );
}

/** Message for an object that has the name of an object of the App, but is not the App's. Includes the remedy. */
export function notOwnedMessage(object: ObservedObject): string {
  const { namespace, name } = object.metadata;
  return `${object.kind} ${namespace}/${name} exists, but does not belong to this app (${describeOwner(object)}): rename the app, or delete the ${object.kind}`;
}

function application(manifest: Manifest, objects: readonly ObservedObject[]): readonly ApplyStep[] {
  const observed = objects.find((object) => isSameObject(manifest, object));
  if (!observed) return [{ kind: 'apply', manifest }];
  return isInSync(manifest, observed) ? [] : [{ kind: 'apply', manifest, observed }];
}

function deletion(app: App, object: ObservedObject): readonly DeleteStep[] {
  const isGoing = object.metadata.deletionTimestamp !== undefined;
  return isGoing || !isOwnedBy(app, object) ? [] : [{ kind: 'delete', object }];
}

/**
 * Whether both values are the same object in the cluster. The apiVersion may differ, since an object can be read in
 * several versions.
 */
function isSameObject(one: ObservedObject, other: ObservedObject): boolean {
  return (
    one.kind === other.kind &&
    one.metadata.name === other.metadata.name &&
    one.metadata.namespace === other.metadata.namespace
  );
}
