/**
 * Questions that only experiments on AWS can answer, because AWS's documentation does not mention the subject or gives
 * no figures. Each experiment uses its own roles.
 */
import {
  AttachRolePolicyCommand,
  CreateOpenIDConnectProviderCommand,
  DeleteOpenIDConnectProviderCommand,
  DetachRolePolicyCommand,
  GetAccountSummaryCommand,
  GetRoleCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetCallerIdentityCommand,
  type AssumeRoleCommandOutput,
} from '@aws-sdk/client-sts';
import type { Keys } from './clients.ts';
import { policyText, tagKey, type Place } from './place.ts';
import type { Runner } from './run-scenario.ts';
import { newPolicyIn, newRoleIn } from './table/commands.ts';

export type Measurement = {
  readonly id: string;
  readonly question: string;
  /** Result of the experiment in a few words. */
  readonly answer: string;
  /** Milliseconds from AWS's response to the change until its effect was visible. */
  readonly milliseconds?: number;
};

type Experiment = {
  readonly id: string;
  readonly run: (place: Place, runner: Runner) => Promise<readonly Measurement[]>;
};

const pollMs = 200;

/**
 * Repeats `ask` until `ask` returns true.
 * @returns the milliseconds until then; undefined if the time ran out
 */
async function until(
  { settling: { now, pause, timeoutMs }, signal }: Runner,
  ask: () => Promise<boolean>,
): Promise<number | undefined> {
  const start = now();
  for (;;) {
    signal?.throwIfAborted();
    if (await ask()) return Math.round(now() - start);
    if (now() - start >= timeoutMs) return undefined;
    await pause(pollMs);
  }
}

/** @returns the error code from AWS, or undefined if the call succeeded */
async function errorOf(sent: Promise<unknown>): Promise<string | undefined> {
  try {
    await sent;
    return undefined;
  } catch (error) {
    // An error without a status did not come from AWS.
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === undefined)
      throw error;
    return (error as Error).name;
  }
}

const isDenied = (code: string | undefined): boolean => code !== undefined && code.startsWith('AccessDenied');

function measured(
  id: string,
  question: string,
  milliseconds: number | undefined,
  { settling }: Runner,
): Measurement {
  return milliseconds === undefined
    ? { id, question, answer: `not within ${settling.timeoutMs / 1000} s` }
    : { id, question, answer: `${milliseconds} ms`, milliseconds };
}

/** Assumes a role that trusts this run, and returns the response. */
function assume(place: Place, runner: Runner, role: string): Promise<AssumeRoleCommandOutput> {
  return runner.clients.of().sts.send(
    new AssumeRoleCommand({
      RoleArn: place.roleArn(role),
      RoleSessionName: 'measurement',
      ExternalId: place.externalId,
    }),
    ...abortOf(runner),
  );
}

const abortOf = ({ signal }: Runner): [] | [{ abortSignal: AbortSignal }] =>
  signal ? [{ abortSignal: signal }] : [];

/** Assumes the role once IAM has propagated the role; undefined if the time ran out. */
async function session(place: Place, runner: Runner, role: string): Promise<Keys | undefined> {
  let keys: Keys | undefined;
  await until(runner, async () => {
    const assumed = assume(place, runner, role);
    if ((await errorOf(assumed)) !== undefined) return false;
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = (await assumed).Credentials ?? {};
    keys = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
    return true;
  });
  return keys;
}

const trustChanges: Experiment = {
  id: 'trust',
  run: async (place, runner) => {
    const { iam } = runner.clients.of();
    const role = 'measured-trust';
    const trust = (PolicyDocument: string): Promise<unknown> =>
      iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: place.name(role), PolicyDocument }));
    const isAssumed = async (): Promise<boolean> =>
      (await errorOf(assume(place, runner, role))) === undefined;
    await iam.send(newRoleIn(place)(role, { AssumeRolePolicyDocument: place.trustThisRun }));
    const created = await until(runner, isAssumed);
    await trust(place.trustNobody);
    const closed = await until(runner, async () => isDenied(await errorOf(assume(place, runner, role))));
    await trust(place.trustThisRun);
    const opened = await until(runner, isAssumed);
    return [
      measured('create-to-assume', 'How long after CreateRole can the role be assumed?', created, runner),
      measured(
        'trust-closed',
        'How long after a trust policy stopped trusting the caller is AssumeRole denied?',
        closed,
        runner,
      ),
      measured(
        'trust-opened',
        'How long after a trust policy began to trust the caller is AssumeRole allowed?',
        opened,
        runner,
      ),
    ];
  },
};

const attachments: Experiment = {
  id: 'attachments',
  run: async (place, runner) => {
    const { iam } = runner.clients.of();
    const role = 'measured-policies';
    await iam.send(newRoleIn(place)(role, { AssumeRolePolicyDocument: place.trustThisRun }));
    await iam.send(
      newPolicyIn(place)('measured', {
        PolicyDocument: policyText({ Effect: 'Allow', Action: 'iam:GetRole', Resource: place.roleArn(role) }),
      }),
    );
    const keys = await session(place, runner, role);
    const attachment = { RoleName: place.name(role), PolicyArn: place.policyArn('measured') };
    const ask = async (): Promise<string | undefined> =>
      errorOf(runner.clients.of(keys).iam.send(new GetRoleCommand({ RoleName: place.name(role) })));
    await iam.send(new AttachRolePolicyCommand(attachment));
    const attached = keys && (await until(runner, async () => (await ask()) === undefined));
    await iam.send(new DetachRolePolicyCommand(attachment));
    const detached = keys && (await until(runner, async () => isDenied(await ask())));
    return [
      measured(
        'attach-to-effect',
        'How long after AttachRolePolicy is a session allowed to use the policy?',
        attached,
        runner,
      ),
      measured(
        'detach-to-effect',
        'How long after DetachRolePolicy is a session denied the use of the policy?',
        detached,
        runner,
      ),
    ];
  },
};

/**
 * Measures whether `aws:ResourceTag` applies to a role that the call creates. A session is allowed to create two roles:
 * the first under a condition on `aws:RequestTag`, which AWS documents, and the second under the same condition on
 * `aws:ResourceTag`. Both permissions are in one policy. Once the first permission is in effect, IAM has propagated the
 * second permission too, so the result of the second call is final.
 */
const resourceTag: Experiment = {
  id: 'resource-tag',
  run: async (place, runner) => {
    const { iam } = runner.clients.of();
    const role = 'measured-creator';
    const [control, probe] = ['measured-request-tag', 'measured-resource-tag'];
    const allow = (created: string, key: string): object => ({
      Effect: 'Allow',
      Action: 'iam:CreateRole',
      Resource: place.roleArn(created),
      Condition: { StringEquals: { [`${key}/${tagKey}`]: place.run } },
    });
    await iam.send(newRoleIn(place)(role, { AssumeRolePolicyDocument: place.trustThisRun }));
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: place.name(role),
        PolicyName: 'create',
        PolicyDocument: policyText([
          allow(control, 'aws:RequestTag'),
          allow(probe, 'aws:ResourceTag'),
          {
            Effect: 'Allow',
            Action: 'iam:TagRole',
            Resource: [place.roleArn(control), place.roleArn(probe)],
          },
        ]),
      }),
    );
    const keys = await session(place, runner, role);
    const create = async (created: string): Promise<string | undefined> =>
      errorOf(runner.clients.of(keys).iam.send(newRoleIn(place)(created)));
    const ready = keys && (await until(runner, async () => (await create(control)) === undefined));
    const code = ready === undefined ? undefined : await create(probe);
    return [
      {
        id: 'resource-tag-at-create',
        question: 'Does CreateRole fill aws:ResourceTag from the tags of the request?',
        answer:
          ready === undefined
            ? 'unknown: the same call with aws:RequestTag was not allowed'
            : code === undefined
              ? 'yes'
              : isDenied(code)
                ? 'no'
                : `unknown: ${code}`,
      },
    ];
  },
};

/**
 * Begins the experiments on `RoleLastUsed` with three roles. AssumeRole assumes the first role, and
 * AssumeRoleWithWebIdentity the second; neither role's credentials are used. AssumeRole assumes the third role, and its
 * credentials sign a call. The roles are read at the end of the run, because AWS updates the field with a delay.
 */
export async function beginLastUsed(
  place: Place,
  runner: Runner,
): Promise<() => Promise<readonly Measurement[]>> {
  const { iam } = runner.clients.of();
  const started = runner.settling.now();
  const [assumed, exchanged, called] = ['last-used', 'last-used-web', 'last-used-call'].map(
    (role) => `measured-${role}`,
  ) as [string, string, string];
  const trust = { AssumeRolePolicyDocument: place.trustThisRun };
  await iam.send(newRoleIn(place)(assumed, trust));
  await iam.send(newRoleIn(place)(called, trust));
  await session(place, runner, assumed);
  const keys = await session(place, runner, called);
  if (keys) await runner.clients.of(keys).sts.send(new GetCallerIdentityCommand({}));
  const hasExchanged = await exchange(place, runner, exchanged);
  const isUsed = async (role: string): Promise<boolean> => {
    const { Role } = await iam.send(new GetRoleCommand({ RoleName: place.name(role) }));
    return Role?.RoleLastUsed?.LastUsedDate !== undefined;
  };
  const answerFor = async (role: string): Promise<string> => {
    if (await isUsed(role)) return 'yes';
    return `not within ${Math.round((runner.settling.now() - started) / 1000)} s`;
  };
  return async () => {
    // Reads the other roles only after the use of this role is recorded. By then, AWS would also have recorded any use
    // of the other roles.
    await until(runner, () => isUsed(called));
    return [
      {
        id: 'last-used-call',
        question: 'Does a call with the credentials of a role update RoleLastUsed?',
        answer: keys === undefined ? 'not measured: the role was not assumed' : await answerFor(called),
      },
      {
        id: 'last-used-assume-role',
        question: 'Does AssumeRole update RoleLastUsed?',
        answer: await answerFor(assumed),
      },
      {
        id: 'last-used-web-identity',
        question: 'Does AssumeRoleWithWebIdentity update RoleLastUsed?',
        answer: hasExchanged ? await answerFor(exchanged) : 'not measured: no cluster token was exchanged',
      },
    ];
  };
}

/**
 * Creates a role, and exchanges a token of the cluster for credentials of the role. Returns false if there is no
 * cluster or the exchange fails.
 */
async function exchange(place: Place, runner: Runner, role: string): Promise<boolean> {
  const { iam, sts } = runner.clients.of();
  const token = runner.given['goodToken'];
  const { cluster } = place;
  if (!cluster || token === undefined) return false;
  if (!cluster.hasProvider)
    await iam.send(
      new CreateOpenIDConnectProviderCommand({
        Url: `https://${cluster.issuerHost}`,
        ClientIDList: ['sts.amazonaws.com'],
        Tags: [...place.tags],
      }),
    );
  await iam.send(newRoleIn(place)(role, { AssumeRolePolicyDocument: place.trustServiceAccount(cluster) }));
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: place.roleArn(role),
    RoleSessionName: 'measurement',
    WebIdentityToken: token,
  });
  const exchanged = await until(runner, async () => (await errorOf(sts.send(command))) === undefined);
  if (!cluster.hasProvider)
    await iam.send(
      new DeleteOpenIDConnectProviderCommand({
        OpenIDConnectProviderArn: place.providerArn(cluster.issuerHost),
      }),
    );
  return exchanged !== undefined;
}

/** @returns the quotas of the account, keyed by the names in GetAccountSummary */
export async function readQuotas({ clients }: Runner): Promise<Readonly<Record<string, number>>> {
  const { SummaryMap = {} } = await clients.of().iam.send(new GetAccountSummaryCommand({}));
  return Object.fromEntries(
    Object.entries(SummaryMap)
      .filter(([name]) => name.endsWith('Quota'))
      .toSorted(([left], [right]) => left.localeCompare(right)),
  );
}

export const experiments: readonly Experiment[] = [trustChanges, attachments, resourceTag];
