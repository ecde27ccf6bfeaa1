/**
 * Checks (oracles) that apply to every run, regardless of its faults. An oracle knows the correct result, but not which
 * faults were injected.
 */
import {
  apps,
  linkedServiceAccounts,
  quarantines,
  type App,
  type LastUsed,
  type LinkedServiceAccount,
  type Quarantine,
} from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import {
  inlinePolicyName,
  deniesEveryPrincipal,
  isDenied,
  isMarked,
  podDenialName,
  taggedOwner,
  type ObservedRole,
} from '../../src/identity/index.ts';
import { resources } from '../../src/kube/index.ts';
import { hasAgent } from './agents.ts';
import { differences, type EndState } from './end-state.ts';
import { listedArns } from './listed-arns.ts';
import { isOfOtherIssuer } from './ownership.ts';
import { driftIntervalMs, type Simulation } from './simulation.ts';
import { trusts } from './simulated-aws.ts';
import { trustsPods } from './simulated-eks.ts';

/** Names of the oracles that check a run: some throughout the run (`checkInvariants`), some at its end. */
export type OracleName =
  | 'end state'
  | 'counts'
  | 'in step in time'
  | 'rest'
  | 'busy'
  | 'two views'
  | 'last use'
  | 'foreign role'
  | 'foreign association'
  | 'other account'
  | 'orphan'
  | 'gap'
  | 'narrowing'
  | 'link before role'
  | 'foreign ServiceAccount'
  | 'unbounded statements'
  | 'status truth'
  | 'proof'
  | 'in use'
  | 'halt'
  | 'quarantine'
  | 'pod without identity'
  | 'not leading'
  | 'failover'
  | 'crash';

export type Violation = { readonly oracle: OracleName; readonly message: string };

/** Number of resyncs during which an idle operator must make no write. */
export const resyncs = 20;
const restMs = resyncs * driftIntervalMs;

/** Requires that the end states after each act and at the end of the run equal the expected end states. */
export function standsAs(states: readonly EndState[], wanted: readonly EndState[]): readonly Violation[] {
  const last = wanted.length - 1;
  const early = states.slice(0, last).flatMap((state, index) =>
    differences(state, wanted[index]).map((message): Violation => ({
      oracle: 'in step in time',
      message: `after act ${index + 1}: ${message}`,
    })),
  );
  const late = differences(states[last], wanted[last]).map((message): Violation => ({
    oracle: 'end state',
    message,
  }));
  return [...early, ...late];
}

/**
 * Requires that the operator has nothing left to do: it makes no write during twenty resyncs. Lets the time of these
 * resyncs pass.
 */
export async function rests(simulation: Simulation): Promise<readonly Violation[]> {
  const formerTargets = (): ReadonlyMap<string, string> =>
    new Map(
      (simulation.server.list(linkedServiceAccounts) as unknown as LinkedServiceAccount[]).map(
        ({ metadata, status }) => [metadata.name, JSON.stringify(status?.formerTargets ?? [])],
      ),
    );
  const known = formerTargets();
  const before = simulation.writes.length;
  await simulation.time.pass(restMs);
  // The only allowed write removes the entry of a former target after the sessions of that target have expired.
  const expired = [...formerTargets()]
    .filter(([name, former]) => known.get(name) !== former)
    .map(([name]) => name);
  const writes = simulation.writes.slice(before).filter(({ what }) => {
    const at = expired.findIndex((name) => what === `kube apply linkedserviceaccounts ${name} status`);
    if (at >= 0) expired.splice(at, 1);
    return at < 0;
  });
  const [first, ...others] = writes;
  if (!first) return [];
  const message = `${first.what} and ${others.length} writes more, though everything was in step`;
  return [{ oracle: 'rest', message }];
}

/** Requires that no request is repeated endlessly without a pause. */
export function pauses({ busy }: Pick<Simulation, 'busy'>): readonly Violation[] {
  return busy.map(({ what, process }) => ({
    oracle: 'busy',
    message: `${process} sent again and again, without a pause: ${what}`,
  }));
}

/**
 * Requires that every halted app has stopped. Before this check, the operator must have had enough time to stop the
 * app.
 */
export function halts({ server }: Simulation): readonly Violation[] {
  return server.list(apps).flatMap((object) => {
    const { metadata, spec } = object as unknown as App;
    const halted = spec.targets.filter(({ deployMode }) => deployMode === 'halt');
    return halted.flatMap(({ name: target }): readonly Violation[] => {
      const deployment = server.get(resources.deployments, metadata.name, target) as
        | { readonly spec?: { readonly replicas?: number } }
        | undefined;
      const replicas = deployment?.spec?.replicas ?? 1;
      if (!deployment || replicas === 0) return [];
      const message = `app ${metadata.name} is halted in ${target}, and its Deployment has ${replicas} replicas`;
      return [{ oracle: 'halt', message }];
    });
  });
}

/**
 * Requires that every role of an account in quarantine denies everything and trusts no principal. Before this check,
 * the operator must have had enough time to close the role. If the Quarantine names pods, every role that serves pods
 * and has a boundary must deny the named pods.
 */
export function cutsOff({ server, aws }: Simulation): readonly Violation[] {
  return server.list(quarantines).flatMap((object) => {
    const { account, pods } = (object as unknown as Quarantine).spec;
    const owned = [...aws.roles.values()].filter(({ tags }) => taggedOwner(tags)?.account === account);
    if (pods)
      return owned
        .filter((role) => role.permissionsBoundaryArn !== undefined && !isMarked(role.tags))
        .flatMap((role) =>
          pods
            .filter(({ uid }) => !deniedUids(role).includes(uid))
            .map(({ uid }): Violation => ({
              oracle: 'quarantine',
              message: `the pod ${uid} of ${account} is in quarantine, and its role ${role.name} does not deny it`,
            })),
        );
    return owned
      .filter((role) => !isDenied(role, 'aws') || !deniesEveryPrincipal(role.trustPolicy))
      .map(({ name }): Violation => ({
        oracle: 'quarantine',
        message: `${account} is in quarantine, and its role ${name} is not closed`,
      }));
  });
}

/** Returns the unique ids of the pods that the role denies. */
export function deniedUids({ podDenial }: ObservedRole): readonly string[] {
  const { Statement: statements = [] } = JSON.parse(podDenial ?? '{}') as {
    readonly Statement?: readonly {
      readonly Effect?: string;
      readonly Condition?: { readonly StringEquals?: Readonly<Record<string, readonly string[]>> };
    }[];
  };
  return statements.flatMap(({ Effect: effect, Condition: condition }) =>
    effect === 'Deny' ? (condition?.StringEquals?.['aws:PrincipalTag/kubernetes-pod-uid'] ?? []) : [],
  );
}

/**
 * Counts creations and deletions of each object, except Events. Pods that are created for a changed template are
 * included.
 */
export function countsOf({
  effects,
  workloads,
}: Pick<Simulation, 'effects' | 'workloads'>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>(workloads.made);
  for (const { what } of effects) {
    if (
      !/^(kube (create|delete)|iam (Create|Delete|Attach|Detach)|eks (Create|Delete))/.test(what) ||
      what.includes(' events ')
    )
      continue;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return counts;
}

/** Requires that objects were created and deleted only as often as necessary, plus once for each interruption. */
export function repeatsNoMore(
  simulation: Simulation,
  undisturbed: ReadonlyMap<string, number>,
  repetitions: number,
): readonly Violation[] {
  return [...countsOf(simulation)].flatMap(([what, count]) => {
    const most = (undisturbed.get(what) ?? 0) + repetitions;
    return count <= most
      ? []
      : { oracle: 'counts', message: `${what}: ${count} times, where ${most} would do` };
  });
}

/**
 * Checks, with code that does not depend on the operator, that IAM, the ServiceAccounts and STS agree with the
 * statuses. Every object with Konstellation's tags or labels must belong to an existing account.
 */
export async function agreesWithStatus(simulation: Simulation): Promise<readonly Violation[]> {
  const { server, aws } = simulation;
  const found: Violation[] = [];
  const say = (message: string): void => void found.push({ oracle: 'two views', message });
  const accounts = server.list(linkedServiceAccounts) as unknown as readonly LinkedServiceAccount[];
  for (const { metadata, spec, status } of accounts) {
    const { name } = metadata;
    const role = aws.roles.get((status?.roleArn ?? '').split('/').at(-1) ?? '');
    const isOurs = role !== undefined && taggedOwner(role.tags)?.account === name && !isOfOtherIssuer(role);
    let problems = isOurs ? 0 : 1;
    for (const { arn, attached, reason } of status?.policies ?? []) {
      const really = isOurs && role.attachedPolicyArns.includes(arn);
      if (really !== attached)
        say(`${name}: status says that ${arn} is ${attached ? '' : 'not '}attached, IAM says otherwise`);
      if (!really || reason === 'PolicyNotAllowed') problems += 1;
    }
    if (isOurs && role.inlinePolicyNames.some((each) => each !== inlinePolicyName && each !== podDenialName))
      problems += 1;
    for (const { uid, denied } of status?.quarantinedPods ?? [])
      if (isOurs && denied && !isDenied(role, 'aws') && !deniedUids(role).includes(uid))
        say(`${name}: status says that the pod ${uid} is denied, IAM says otherwise`);
    const expected = isOurs ? deniedUids(role).toSorted().join() : '';
    const requested = (status?.quarantinedPods ?? []).map(({ uid }) => uid).toSorted();
    if (expected !== requested.join() && !(isOurs && isMarked(role.tags))) problems += 1;
    if (isOurs)
      for (const arn of role.attachedPolicyArns) if (!listedArns(spec.aws).includes(arn)) problems += 1;
    const isWritten = isOurs && role.inlinePolicy !== undefined;
    if (status?.statements?.applied === true && !isWritten)
      say(`${name}: status says that the statements are applied, IAM says otherwise`);
    if (isWritten !== (spec.aws.statements ?? []).length > 0) problems += 1;
    const rows = status?.targets ?? [];
    let awaiting = 0;
    for (const { name: target, linked, proven, confirmed, roleArn, identityMode, reason } of rows) {
      const serviceAccount = server.get(resources.serviceAccounts, name, target);
      const association = aws.eks.associationOf(target, name);
      const carried = serviceAccount?.metadata.annotations?.['eks.amazonaws.com/role-arn'];
      const byAssociation = identityMode === 'PodIdentity';
      const isLinked = roleArn !== undefined && (byAssociation ? association?.roleArn : carried) === roleArn;
      if (linked && !isLinked)
        say(`${name}: status says that ${target} is linked, its ServiceAccount does not`);
      if (linked && !byAssociation && association)
        say(`${name}: status says that ${target} is linked by annotation, but an association goes before it`);
      // The trust policy is checked below without the Pod Identity agent, but pods get credentials only through the
      // agent.
      const isServed =
        !byAssociation ||
        !server
          .list(resources.pods, target)
          .some(
            (pod) =>
              (pod.spec as { readonly serviceAccountName?: string }).serviceAccountName === name &&
              JSON.stringify(pod.spec).includes('AWS_CONTAINER_CREDENTIALS_FULL_URI') &&
              !hasAgent(server, pod),
          );
      const works =
        isLinked &&
        isServed &&
        (association && byAssociation
          ? association.targetRoleArn === undefined &&
            association.policy === undefined &&
            trustsPods(aws.roles.get(roleArn.split('/').at(-1) ?? '')?.trustPolicy ?? '', association)
          : await exchanges(simulation, target, name, roleArn));
      const awaits = byAssociation && confirmed === true && reason === 'AwaitingFirstPod';
      if (awaits) awaiting += 1;
      // The operator does not repeat the proof of a draining target, which is a removed target with running pods.
      const drains = linked && reason === 'StillInUse';
      if (!drains && (awaits ? !works : proven !== works))
        say(`${name}: status says that ${target} is ${proven ? '' : 'not '}proven, AWS says otherwise`);
      if (drains && !works) say(`${name}: status says that ${target} drains, and its pods are shut out`);
      if (!works || drains) problems += 1;
    }
    found.push(...lastUseAgrees(simulation, name, status?.lastUsed, isOurs));
    const shown = findCondition(status?.conditions, 'Ready');
    const ready = shown?.status === 'True' || (shown?.reason === 'AwaitingFirstPod' && awaiting > 0);
    if (ready && problems > 0) say(`${name}: Ready, though it is not`);
    if (!ready && problems === 0 && metadata.deletionTimestamp === undefined && rows.length > 0)
      say(`${name}: not Ready, though everything is as it should be`);
    if (status?.observedGeneration !== metadata.generation)
      say(`${name}: status is of generation ${status?.observedGeneration}, not ${metadata.generation}`);
  }
  const names = new Set(accounts.map(({ metadata }) => metadata.name));
  for (const role of aws.roles.values()) {
    const account = taggedOwner(role.tags)?.account;
    if (account !== undefined && !names.has(account) && !isOfOtherIssuer(role))
      say(`the role ${role.name} was left behind`);
  }
  for (const { tags, namespace, serviceAccount } of aws.eks.associations.values()) {
    const account = taggedOwner(tags)?.account;
    if (account !== undefined && !names.has(account))
      say(`the association of ${namespace}/${serviceAccount} was left behind`);
  }
  for (const { metadata } of server.list(resources.serviceAccounts)) {
    const account = metadata.labels?.['k11n.dev/account'];
    if (account !== undefined && !names.has(account))
      say(`the ServiceAccount ${metadata.namespace}/${metadata.name} was left behind`);
  }
  return found;
}

/** Requires that the status reports the same day for the last use as IAM records for the account's roles. */
function lastUseAgrees(
  { aws }: Simulation,
  account: string,
  reported: LastUsed | undefined,
  isOurs: boolean,
): readonly Violation[] {
  const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);
  const uses = [...aws.roles.values()]
    .filter((role) => taggedOwner(role.tags)?.account === account && !isOfOtherIssuer(role))
    .flatMap(({ name }) => aws.useOf(name) ?? []);
  const days = uses.flatMap(({ used }) => (used === undefined ? [] : dayOf(used)));
  const date = days.toSorted().at(-1);
  const trackedSince = uses.length === 0 ? undefined : dayOf(Math.max(...uses.map(({ created }) => created)));
  // If the account's role is foreign or missing, the status is allowed to omit the last use.
  if (!reported && !isOurs) return [];
  if (reported?.date === date && reported?.trackedSince === trackedSince) return [];
  const message = `${account}: status reports ${JSON.stringify(reported)}, IAM ${JSON.stringify({ date, trackedSince })}`;
  return [{ oracle: 'last use', message }];
}

/** Whether STS exchanges a token of the ServiceAccount for credentials of the role. */
async function exchanges(
  { server, aws }: Simulation,
  namespace: string,
  name: string,
  roleArn: string,
): Promise<boolean> {
  if (!server.get(resources.serviceAccounts, name, namespace)) return false;
  const spec = { audiences: ['sts.amazonaws.com'], expirationSeconds: 600 };
  const { token } = await server.client.createToken({ namespace, name }, spec);
  const role = [...aws.roles.values()].find(({ arn }) => arn === roleArn);
  return role !== undefined && trusts(role.trustPolicy, token);
}
