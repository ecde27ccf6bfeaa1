/** Access to the AWS emulator from outside: its journal of calls, its content, and its faults. */
import {
  GetRoleCommand,
  IAMClient,
  paginateListRoles,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  NoSuchEntityException,
} from '@aws-sdk/client-iam';
import { STSClient } from '@aws-sdk/client-sts';
import { z } from 'zod';
import type { FaultSettingsInput } from '../../sandbox/src/aws/faults/settings.ts';
import type { JournalEntry } from '../../sandbox/src/aws/journal.ts';
import { eventually } from './eventually.ts';

type FaultRule = NonNullable<FaultSettingsInput['rules']>[number];

/** All properties of a role that can change. */
export type RoleSnapshot = {
  readonly arn: string;
  readonly id: string;
  readonly path: string;
  readonly trustPolicy: string;
  readonly attached: readonly string[];
  readonly inline: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly description: string;
  readonly maxSessionDuration: number;
};

export type Emulator = {
  readonly endpoint: string;
  /** Client with the credentials of the AWS account's administrator. */
  readonly iam: IAMClient;
  readonly sts: STSClient;
  /** Returns the calls after a position in the journal, oldest first. */
  journal(since: number): Promise<readonly JournalEntry[]>;
  /** Returns the position of the latest call. */
  position(): Promise<number>;
  /** Waits until `times` matching calls (default: 1) follow the position `since`. */
  untilCalled(
    since: number,
    what: string,
    matches: (call: JournalEntry) => boolean,
    times?: number,
  ): Promise<readonly JournalEntry[]>;
  /** Adds a fault for certain calls. Resolves with a function that removes the fault. */
  inject(rule: FaultRule): Promise<() => Promise<void>>;
  /** Sets the faults of all later calls. */
  injectFaults(settings: Omit<FaultSettingsInput, 'rules'>): Promise<void>;
  role(name: string): Promise<RoleSnapshot | undefined>;
  /** Returns the names of all roles of the AWS account. */
  roleNames(): Promise<readonly string[]>;
  close(): void;
};

const journalAnswer = z.object({ last: z.number(), entries: z.array(z.custom<JournalEntry>()) });

export function connectEmulator(access: {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}): Emulator {
  const { endpoint } = access;
  const iam = new IAMClient(access);
  const sts = new STSClient(access);
  let rules: FaultRule[] = [];
  let general: Omit<FaultSettingsInput, 'rules'> = {};

  const ask = async (query: string): Promise<z.infer<typeof journalAnswer>> => {
    const answer = await fetch(`${endpoint}/_emulator/journal?${query}`);
    return journalAnswer.parse(await answer.json());
  };
  // New settings replace all earlier ones, so the faults of concurrent tests are always set together.
  const setFaults = async (): Promise<void> => {
    const answer = await fetch(`${endpoint}/_emulator/faults`, {
      method: 'PUT',
      body: JSON.stringify({ ...general, rules } satisfies FaultSettingsInput),
    });
    if (answer.status !== 200) throw new Error(`the emulator took no faults: ${await answer.text()}`);
  };
  const journal = async (since: number): Promise<readonly JournalEntry[]> =>
    (await ask(`since=${since}`)).entries;

  return {
    endpoint,
    iam,
    sts,
    journal,
    position: async () => (await ask('limit=0')).last,
    untilCalled: (since, what, matches, times = 1) =>
      eventually(what, async () => {
        const calls = (await journal(since)).filter(matches);
        return calls.length >= times ? calls : undefined;
      }),
    async inject(rule) {
      rules = [...rules, rule];
      await setFaults();
      return () => {
        rules = rules.filter((other) => other !== rule);
        return setFaults();
      };
    },
    injectFaults(settings) {
      general = settings;
      return setFaults();
    },
    role: (name) => snapshot(iam, name),
    async roleNames() {
      const names: string[] = [];
      for await (const page of paginateListRoles({ client: iam }, {}))
        names.push(...(page.Roles ?? []).map((role) => role.RoleName ?? ''));
      return names.sort();
    },
    close() {
      iam.destroy();
      sts.destroy();
    },
  };
}

async function snapshot(iam: IAMClient, RoleName: string): Promise<RoleSnapshot | undefined> {
  try {
    const [{ Role: role }, { AttachedPolicies: attached = [] }, { PolicyNames: inline = [] }] =
      await Promise.all([
        iam.send(new GetRoleCommand({ RoleName })),
        iam.send(new ListAttachedRolePoliciesCommand({ RoleName })),
        iam.send(new ListRolePoliciesCommand({ RoleName })),
      ]);
    return {
      arn: role?.Arn ?? '',
      id: role?.RoleId ?? '',
      path: role?.Path ?? '',
      trustPolicy: decodeURIComponent(role?.AssumeRolePolicyDocument ?? ''),
      attached: attached.map((policy) => policy.PolicyArn ?? '').sort(),
      inline: [...inline].sort(),
      tags: Object.fromEntries((role?.Tags ?? []).map((tag) => [tag.Key ?? '', tag.Value ?? ''])),
      description: role?.Description ?? '',
      maxSessionDuration: role?.MaxSessionDuration ?? 0,
    };
  } catch (error) {
    if (error instanceof NoSuchEntityException) return undefined;
    throw error;
  }
}

export function roleNameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}
