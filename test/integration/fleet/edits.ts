/**
 * Random edits of accounts, and random out-of-band changes, determined by a seed. Edits and out-of-band changes concern
 * different accounts, so that the AWS journal shows which of the two caused the detachment of a listed policy.
 */
import {
  AttachRolePolicyCommand,
  DeleteConflictException,
  DeleteRoleCommand,
  DetachRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  NoSuchEntityException,
  TagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  type IAMClient,
} from '@aws-sdk/client-iam';
import {
  apiVersion,
  linkedServiceAccounts,
  type LinkedServiceAccount,
  type LinkedServiceAccountSpec,
} from '../../../src/api/index.ts';
import { roleName } from '../../../src/identity/index.ts';
import { isAlreadyExists, isNotFound, type KubeClient } from '../../../src/kube/index.ts';
import { clusterArn } from './world.ts';

export const policyPool = [
  'AmazonS3ReadOnlyAccess',
  'AmazonS3FullAccess',
  'CloudWatchLogsReadOnlyAccess',
  'AmazonSQSReadOnlyAccess',
].map((name) => `arn:aws:iam::aws:policy/${name}`);

/**
 * Policies that an account's spec lists from the time `from` on; undefined if the account does not exist from then on.
 */
export type Wish = { readonly from: number; readonly policyArns: readonly string[] | undefined };

export type Draw = {
  /** Returns an integer from 0 (inclusive) to n (exclusive). */
  below(n: number): number;
  pick<T>(from: readonly T[]): T;
  /** Picks each element with a probability of one half. Always picks at least one element. */
  some<T>(from: readonly T[]): T[];
};

export function createDraw(seed: number): Draw {
  let state = seed >>> 0;
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number): number => Math.floor(random() * n);
  const pick = <T>(from: readonly T[]): T => {
    const item = from[below(from.length)];
    if (item === undefined) throw new RangeError('there is nothing to pick from');
    return item;
  };
  return {
    below,
    pick,
    some(from) {
      const chosen = from.filter(() => random() < 0.5);
      return chosen.length > 0 ? chosen : [pick(from)];
    },
  };
}

export const roleOf = (account: string): string => roleName({ clusterArn, clusterName: 'fleet', account });

export type People = {
  /** Makes one change, and returns a description of it. */
  act(): Promise<string>;
  /** For each account, the lists of policies that its spec has contained, oldest first. */
  readonly wishes: ReadonlyMap<string, readonly Wish[]>;
  create(account: string): Promise<void>;
};

export function createPeople(options: {
  readonly client: KubeClient;
  readonly iam: IAMClient;
  readonly draw: Draw;
  readonly targets: readonly string[];
  /** Accounts whose manifests are edited, and accounts whose roles are changed out of band. */
  readonly edited: readonly string[];
  readonly tampered: readonly string[];
}): People {
  const { client, iam, draw, targets } = options;
  const wishes = new Map<string, Wish[]>();

  const wish = (account: string, policyArns: readonly string[] | undefined): void => {
    wishes.set(account, [...(wishes.get(account) ?? []), { from: Date.now(), policyArns }]);
  };
  const specOf = (): LinkedServiceAccountSpec => ({
    aws: { policyArns: draw.some(policyPool) },
    targets: draw.some(targets),
    deletionPolicy: 'Delete',
  });
  const create = async (account: string): Promise<void> => {
    const spec = specOf();
    wish(account, spec.aws.policyArns);
    await client.create<LinkedServiceAccount>(linkedServiceAccounts, {
      apiVersion,
      kind: 'LinkedServiceAccount',
      metadata: { name: account },
      spec,
    });
  };
  const patch = async (account: string, change: object): Promise<void> => {
    try {
      await client.patch(linkedServiceAccounts, { name: account }, { spec: change }, { type: 'merge' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };

  const edits: readonly ((account: string) => Promise<string>)[] = [
    async (account) => {
      const policyArns = draw.some(policyPool);
      wish(account, policyArns);
      await patch(account, { aws: { policyArns } });
      return `${account}: policies`;
    },
    async (account) => {
      await patch(account, { targets: draw.some(targets) });
      return `${account}: targets`;
    },
    async (account) => {
      await patch(account, { aws: { maxSessionDuration: draw.pick([3600, 7200, 14_400]) } });
      return `${account}: session length`;
    },
    async (account) => {
      await patch(account, { aws: { tags: { team: draw.pick(['payments', 'search', 'growth']) } } });
      return `${account}: tags`;
    },
    async (account) => {
      try {
        await client.delete(linkedServiceAccounts, { name: account });
        wish(account, undefined);
        return `${account}: deleted`;
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      try {
        await create(account);
        return `${account}: made again`;
      } catch (error) {
        // The previous account with this name is still being deleted.
        if (!isAlreadyExists(error)) throw error;
        return `${account}: could not be made again yet`;
      }
    },
  ];

  const tamper = async (account: string): Promise<string> => {
    const RoleName = roleOf(account);
    try {
      const { AttachedPolicies = [] } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
      const attached = AttachedPolicies.flatMap(({ PolicyArn }) => PolicyArn ?? []);
      switch (draw.below(5)) {
        case 0:
          for (const PolicyArn of attached)
            await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
          await iam.send(new DeleteRoleCommand({ RoleName }));
          return `${account}: role deleted behind the back`;
        case 1:
          await iam.send(
            new AttachRolePolicyCommand({
              RoleName,
              PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess',
            }),
          );
          return `${account}: policy attached behind the back`;
        case 2:
          await iam.send(
            new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(trustOfNobody) }),
          );
          return `${account}: trust broken behind the back`;
        case 3:
          await iam.send(new TagRoleCommand({ RoleName, Tags: [{ Key: 'by', Value: 'hand' }] }));
          return `${account}: tagged behind the back`;
        default: {
          const [PolicyArn] = attached;
          if (PolicyArn === undefined) return `${account}: nothing to detach`;
          await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
          return `${account}: policy detached behind the back`;
        }
      }
    } catch (error) {
      // The emulator's responses may be seconds old, so the role or policy may no longer exist.
      if (error instanceof NoSuchEntityException) return `${account}: is not there`;
      // The operator has attached a policy again in the meantime, or the listing was stale, so IAM refused to delete
      // the role.
      if (error instanceof DeleteConflictException) return `${account}: role stripped behind the back`;
      throw error;
    }
  };

  return {
    wishes,
    create,
    act: () =>
      draw.below(4) === 0 ? tamper(draw.pick(options.tampered)) : draw.pick(edits)(draw.pick(options.edited)),
  };
}

const trustOfNobody = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
};
