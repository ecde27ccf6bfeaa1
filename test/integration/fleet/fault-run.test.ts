/**
 * Many accounts under faults: AWS throttles, fails, loses responses, returns stale reads and propagates changes to STS
 * late, while users edit accounts and change roles out of band. In the end everything matches the accounts, and at no
 * time was a foreign object changed or a listed policy missing. `KON_SOAK=1` runs the test in full size; `KON_SEED`
 * repeats a run.
 */
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { linkedServiceAccounts, type LinkedServiceAccount } from '../../../src/api/index.ts';
import { findCondition } from '../../../src/k8s/conditions.ts';
import { accountLabelValue, trustPolicy, subjectOf } from '../../../src/identity/index.ts';
import { resources, type KubeObject } from '../../../src/kube/index.ts';
import { eventually } from '../../support/eventually.ts';
import { attachmentGaps, foreignChanges } from './journal-claims.ts';
import { createDraw, createPeople, policyPool, roleOf, type People } from './edits.ts';
import { callers, rolePath, startFleetWorld, type FleetWorld } from './world.ts';

const isSoak = process.env['KON_SOAK'] === '1';
const size = isSoak
  ? { accounts: 200, acts: 400, pauseMs: 250, minutes: 15, ratePerSecond: 20, burst: 40 }
  : { accounts: 30, acts: 40, pauseMs: 150, minutes: 4, ratePerSecond: 5, burst: 5 };
const seed = Number(process.env['KON_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const targets = ['production', 'staging', 'testing'];

/** An account whose role name is already used by a foreign role. */
const robbed = 'robbed';

let world: FleetWorld;
let people: People;

beforeAll(async () => {
  console.log(`KON_SEED=${seed}`);
  world = await startFleetWorld({
    targets,
    driftIntervalSeconds: 10,
    roleQuota: 5_000,
    faults: {
      seed,
      latencyMs: [5, 30],
      throttles: [{ services: ['iam'], ratePerSecond: size.ratePerSecond, burst: size.burst }],
      errorRate: 0.02,
      lostResponseRate: 0.01,
      propagationMs: 3_000,
      readStalenessMs: [0, 10_000],
    },
  });
});
afterAll(async () => {
  await world?.stop();
});

it(
  'a run with faults ends in the state that the accounts specify, without orphans, changes of foreign roles or attachment gaps',
  { timeout: size.minutes * 60_000 },
  async () => {
    const draw = createDraw(seed);
    const names = Array.from({ length: size.accounts }, (_, index) => `account-${index}`);
    const tampered = names.filter((_, index) => index % 4 === 0);
    const edited = names.filter((_, index) => index % 4 !== 0);
    people = createPeople({ ...world, draw, targets, edited, tampered });

    const foreign = [roleOf(robbed), 'somebody-else'];
    for (const RoleName of foreign)
      await world.iam.send(
        new CreateRoleCommand({ RoleName, Path: rolePath, AssumeRolePolicyDocument: trustOfOthers }),
      );
    const foreignBefore = foreign.map((name) => world.aws.state.role(name));

    await world.startOperator();
    await people.create(robbed);
    for (const name of names) await people.create(name);
    for (let act = 0; act < size.acts; act += 1) {
      await people.act();
      await new Promise((resolve) => setTimeout(resolve, size.pauseMs));
    }

    // All edits have ended, but the faults continue.
    const settled = await settle();
    expect(settled, 'accounts that are not ready under their newest spec').toEqual([]);

    // After an injected fault, the account may report another reason until its next reconcile.
    await eventually('the account without a role to report RoleNotOwned', async () => {
      const { status } = await world.client.get<LinkedServiceAccount>(linkedServiceAccounts, {
        name: robbed,
      });
      return findCondition(status?.conditions, 'Ready')?.reason === 'RoleNotOwned' ? true : undefined;
    });
    const accounts = await world.client.list<LinkedServiceAccount>(linkedServiceAccounts);

    const inSync = accounts.items.filter((account) => account.metadata.name !== robbed);
    const wanted = new Map(inSync.map((account) => [roleOf(account.metadata.name), wantedRole(account)]));
    const found = new Map(
      [...world.aws.state.roles()]
        .map(([, role]) => role)
        .filter((role) => role.path === rolePath && !foreign.includes(role.name))
        .map((role) => [
          role.name,
          {
            trust: JSON.parse(role.trust.text) as unknown,
            attached: [...role.attachedPolicies],
            maxSessionDuration: role.maxSessionDuration,
            tags: Object.fromEntries(role.tags.map(({ Key, Value }) => [Key, Value])),
          },
        ]),
    );
    expect(found).toEqual(wanted);
    expect(foreign.map((name) => world.aws.state.role(name))).toEqual(foreignBefore);

    const serviceAccounts = await world.client.list<KubeObject>(resources.serviceAccounts);
    expect(linksOf(serviceAccounts.items)).toEqual(
      inSync
        .flatMap(({ metadata, spec }) =>
          (spec.targets ?? targets).map((target) => `${target}/${metadata.name}`),
        )
        .sort(),
    );

    const journal = world.aws.journal.entries();
    expect(world.aws.journal.forgotten()).toBe(0);
    const owned = new Set(names.map(roleOf));
    expect(foreignChanges(journal, callers.operator, (role) => owned.has(role))).toEqual([]);
    const wishes = new Map([...people.wishes].map(([name, list]) => [roleOf(name), list]));
    expect(attachmentGaps(journal, callers.operator, wishes)).toEqual([]);

    // The injected faults did occur. Only a full-size run makes enough calls to guarantee every kind of fault.
    const faults = new Set(journal.map((entry) => entry.fault));
    if (isSoak) expect([...faults]).toEqual(expect.arrayContaining(['throttled', 'failed', 'responseLost']));
    const own = journal.filter(({ caller, service }) => caller === callers.operator && service === 'iam');
    const throttled = own.filter(({ fault }) => fault === 'throttled').length;
    console.log(
      `${own.length} calls of the operator to IAM, ${throttled} of them throttled, in ${size.acts} edits of ${size.accounts} accounts`,
    );
    expect(throttled / own.length).toBeLessThan(0.1);
  },
);

/**
 * Waits until every account is ready with its newest spec, and out-of-band changes are reverted. Returns the accounts
 * that do not reach this state in time.
 */
async function settle(): Promise<readonly string[]> {
  const deadline = Date.now() + (size.minutes * 60_000) / 2;
  for (;;) {
    const { items } = await world.client.list<LinkedServiceAccount>(linkedServiceAccounts);
    const behind = items
      .filter((account) => account.metadata.name !== robbed)
      .filter((account) => !isReady(account) || !isRepaired(account))
      .map(({ metadata, status }) => {
        const ready = findCondition(status?.conditions, 'Ready');
        return `${metadata.name}: ${metadata.deletionTimestamp ? 'deleting, ' : ''}${ready?.reason}, ${ready?.message}`;
      });
    if (behind.length === 0 || Date.now() > deadline) return behind;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function isReady({ metadata, status }: LinkedServiceAccount): boolean {
  const ready = findCondition(status?.conditions, 'Ready');
  return (
    metadata.deletionTimestamp === undefined &&
    ready?.status === 'True' &&
    status?.observedGeneration === metadata.generation
  );
}

/**
 * Whether the role is repaired in AWS. The status is not sufficient: a status from before the out-of-band change stays
 * until drift detection has found the change.
 */
function isRepaired(account: LinkedServiceAccount): boolean {
  const role = world.aws.state.role(roleOf(account.metadata.name));
  const wanted = wantedRole(account);
  return (
    role !== undefined &&
    JSON.stringify(role.attachedPolicies) === JSON.stringify(wanted.attached) &&
    role.tags.length === Object.keys(wanted.tags).length &&
    JSON.stringify(JSON.parse(role.trust.text)) === JSON.stringify(wanted.trust)
  );
}

function wantedRole({ metadata, spec, status }: LinkedServiceAccount): {
  trust: unknown;
  attached: readonly string[];
  maxSessionDuration: number;
  tags: Readonly<Record<string, string>>;
} {
  const provider = [...world.aws.state.providers()].map(([, each]) => each)[0];
  const sorted = [...(spec.targets ?? targets)].sort();
  const trust = trustPolicy({
    providerArn: provider?.arn ?? '',
    issuer: `https://${provider?.url ?? ''}`,
    subjects: sorted.map((target) => subjectOf(target, metadata.name)),
  });
  return {
    trust: JSON.parse(trust) as unknown,
    attached: policyPool.filter((arn) => spec.aws.policyArns?.includes(arn)).sort(),
    maxSessionDuration: spec.aws.maxSessionDuration ?? 3600,
    tags: {
      ...spec.aws.tags,
      'k11n.dev/managed-by': 'konstellation',
      'k11n.dev/cluster': status?.roleArn === undefined ? '' : clusterArnOf(),
      'k11n.dev/account': metadata.name,
      'k11n.dev/uid': metadata.uid ?? '',
      'k11n.dev/issuer': provider?.url ?? '',
    },
  };
}

const clusterArnOf = (): string => 'arn:aws:eks:eu-west-1:123456789012:cluster/fleet';

/** Returns the ServiceAccounts that are annotated with a role of an account, as `namespace/name`. */
function linksOf(items: readonly KubeObject[]): readonly string[] {
  return items
    .filter(({ metadata }) => metadata.labels?.['k11n.dev/account'] === accountLabelValue(metadata.name))
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    .sort();
}

const trustOfOthers = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});
