/** `kon conformance`: runs the scenario table of the sandbox package in a real AWS account. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { partitionNames, type Partition } from '../../../api/partition-names.ts';
import { iamRegionOf, partitionOfRegion } from '../../../api/partitions.ts';
import { classifyAwsError } from '../../../aws/errors.ts';
import { loadSandbox } from '../sandbox/engine.ts';
import { withAws } from '../../aws/session.ts';
import { confirm } from '../../framework/confirm.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError, usageError } from '../../framework/errors.ts';
import { exitCodes, type ExitCode } from '../../framework/exit-codes.ts';
import { renderDocument, renderValue } from '../../framework/output/data.ts';
import { isData, type DataFormat } from '../../framework/output/format.ts';
import { version } from '../../version.ts';
import {
  findCluster,
  prepareCluster,
  removeNamespace,
  type ClusterOfRun,
  type Conformance,
} from './cluster.ts';
import { removeWalked, walkThrough } from './walkthrough.ts';
import { access, constants, mkdir, writeFile } from 'node:fs/promises';
import { resolve, join } from 'node:path';
import { errorMessage } from '../../../k8s/errors.ts';

export type ConformanceRequest = {
  readonly account: string | undefined;
  readonly clusterName: string | undefined;
  readonly region: string | undefined;
  readonly target: string | undefined;
  readonly propagationTimeout: number;
  readonly report: string | undefined;
  readonly maskAccount: boolean;
  readonly cleanup: boolean;
  readonly printPolicy: boolean;
  readonly yes: boolean;
};

export async function conformanceFlow(context: CliContext, request: ConformanceRequest): Promise<ExitCode> {
  const accountId = requiredAccount(request);
  const hasCluster = context.global.context !== undefined;
  if (!hasCluster && (request.clusterName ?? request.region ?? request.target) !== undefined)
    throw usageError(
      '--cluster-name, --region and --target need --context',
      'Choose the cluster: --context NAME',
    );
  const conformance = await (await loadSandbox()).loadConformance();
  if (request.printPolicy) {
    const partition = partitionOfRegion(regionOf(context));
    const policy = conformance.runPolicy({ partition, accountId, cluster: hasCluster });
    context.stdout.write(renderValue(policy, context.format));
    return exitCodes.ok;
  }
  return inWords('run the conformance tests in the AWS account', async () => {
    const caller = await callerIn(context, accountId);
    const cluster = hasCluster ? await findCluster(context, request) : undefined;
    const region = iamRegionOf(caller.partition);
    const clients = conformance.createClients({
      region,
      clusterRegion: cluster?.region,
      env: context.env,
      userAgent: `kon/${version} conformance`,
    });
    try {
      const of = { context, request, conformance, accountId, caller, region, cluster, clients };
      return request.cleanup ? await cleanUp(of) : await run(of);
    } finally {
      clients.close();
    }
  });
}

type Run = {
  readonly context: CliContext;
  readonly request: ConformanceRequest;
  readonly conformance: Conformance;
  readonly accountId: string;
  readonly caller: { readonly arn: string; readonly partition: Partition };
  readonly region: string;
  readonly cluster: ClusterOfRun | undefined;
  readonly clients: ReturnType<Conformance['createClients']>;
};

async function run(of: Run): Promise<ExitCode> {
  const { context, request, conformance, accountId, caller, region, cluster, clients } = of;
  const { signal, stderr, env } = context;
  const name = runName();
  const namespace = `${conformance.commonPrefix}${name}`;
  const place = conformance.createPlace({
    partition: caller.partition,
    accountId,
    region,
    run: name,
    callerArn: caller.arn,
    externalId: randomBytes(16).toString('hex'),
    cluster: cluster && {
      name: cluster.name,
      region: cluster.region,
      namespace,
      serviceAccount: 'pod',
      issuerHost: cluster.issuer.replace(/^https:\/\//, ''),
      hasProvider: await cluster.hasProvider(clients.of().iam),
    },
  });
  stderr.write(conformance.announcement(place, request.target));
  await confirm(context, {
    yes: request.yes,
    what: 'creating resources in an AWS account',
    question: `Create these resources in AWS account ${accountId}, and remove them afterwards?`,
    declined: 'Nothing was created.',
  });
  // Opens the folder before the run, so that the command fails early if the folder is not writable.
  const folder =
    request.report === undefined ? undefined : await createReportFolder(resolve(context.cwd, request.report));
  const tokens =
    cluster && place.cluster ? await prepareCluster(context, cluster, place.cluster, conformance) : undefined;
  const { target, propagationTimeout: timeoutMs } = request;
  const pause = (ms: number, stop?: AbortSignal): Promise<void> =>
    delay(ms, undefined, stop ? { signal: stop } : {});
  const walkedLeft: string[] = [];
  const walk =
    cluster && target !== undefined
      ? {
          client: cluster.client,
          iam: clients.retrying().iam,
          name: `${place.prefix}${conformance.walkSuffix}`,
          run: name,
          target,
          deniesAll: conformance.deniesAll,
          deniesAllArn: place.managed(conformance.deniesAll),
          timeoutMs,
          signal,
          now: context.monotonic,
          pause,
          onLeft: (what: string) => walkedLeft.push(what),
        }
      : undefined;
  try {
    const report = await conformance.runConformance({
      place,
      clients,
      given: tokens ?? {},
      propagationTimeoutMs: timeoutMs,
      signal,
      now: context.monotonic,
      wallClock: context.now,
      pause,
      walkthrough: walk && (() => walkThrough(walk)),
      version,
      endpoint: env['AWS_ENDPOINT_URL'],
      onProgress: (line) => stderr.write(`${line}\n`),
    });
    const clean = conformance.cleanReport(report, {
      mask: request.maskAccount,
      secrets: [
        ...Object.values(tokens ?? {}),
        place.externalId,
        env['AWS_SECRET_ACCESS_KEY'] ?? '',
        env['AWS_SESSION_TOKEN'] ?? '',
      ],
    });
    const markdown = conformance.renderReport(clean);
    const rendered = (format: DataFormat): string => renderDocument('ConformanceReport', clean, format);
    if (folder !== undefined) {
      await writeFile(join(folder, `conformance-${clean.run}.md`), markdown);
      await writeFile(join(folder, `conformance-${clean.run}.json`), rendered('json'));
    }
    context.stdout.write(isData(context.format) ? rendered(context.format) : markdown);
    const stays = [...report.left, ...walkedLeft];
    if (stays.length > 0) throw left(accountId, stays);
    if (report.interrupted)
      throw new CliError('INTERRUPTED', 'interrupted; everything that the run had created was removed');
    return report.calls.different === 0 ? exitCodes.ok : exitCodes.error;
  } catch (error) {
    throw error instanceof conformance.UnfinishedRunError ? left(accountId, error.left, error.cause) : error;
  } finally {
    if (cluster && tokens) await removeNamespace(cluster.client, namespace);
  }
}

async function cleanUp(of: Run): Promise<ExitCode> {
  const { context, request, conformance, accountId, caller, region, cluster, clients } = of;
  const place = conformance.createPlace({
    partition: caller.partition,
    accountId,
    region,
    run: 'nothing0',
    callerArn: caller.arn,
    externalId: '',
  });
  const { owned, unowned } = await conformance.findLeftovers(clients.retrying(), {
    clusterName: cluster?.name,
    keys: conformance.keysIn(conformance.scenariosIn(place)),
  });
  const namespaces = cluster ? await cluster.namespaces() : [];
  const walked = cluster ? await cluster.walked() : [];
  for (const leftover of unowned)
    context.stderr.write(
      `‼ stays: ${conformance.leftoverText(leftover)}, because its tag or content does not match a conformance run\n`,
    );
  const all = [
    ...owned.map(conformance.leftoverText),
    ...namespaces.map((name) => `namespace ${name}`),
    ...walked.map(({ kind, name }) => `${kind.noun} ${name}`),
  ];
  if (all.length === 0) {
    context.stdout.write('nothing of earlier runs is left\n');
    return exitCodes.ok;
  }
  context.stderr.write(`${all.join('\n')}\n`);
  await confirm(context, {
    yes: request.yes,
    what: 'removing the remains of earlier runs',
    question: `Remove these remains (${all.length}) from AWS account ${accountId}?`,
    declined: 'Nothing was removed.',
  });
  const failures = await conformance.removeLeftovers(clients.retrying(), owned, {
    clusterName: cluster?.name,
    onRemoved: (leftover) => context.stdout.write(`removed ${conformance.leftoverText(leftover)}\n`),
  });
  if (cluster)
    for (const name of namespaces) {
      await removeNamespace(cluster.client, name);
      context.stdout.write(`removed namespace ${name}\n`);
    }
  const stays: string[] = [...failures];
  if (cluster)
    for (const { kind, name } of walked) {
      const { status } = await removeWalked(kind, {
        client: cluster.client,
        name,
        timeoutMs: request.propagationTimeout,
        now: context.monotonic,
        pause: (ms) => delay(ms),
      });
      if (status === 'equal') context.stdout.write(`removed ${kind.noun} ${name}\n`);
      else stays.push(`${kind.noun} ${name}: the operator has not deleted it yet`);
    }
  if (stays.length > 0) throw left(accountId, stays);
  return exitCodes.ok;
}

function left(accountId: string, names: readonly string[], cause?: unknown): CliError {
  return new CliError('NOT_DELETED', `not everything could be removed from AWS account ${accountId}`, {
    details: names,
    next: [`kon conformance --account ${accountId} --cleanup`],
    exitCode: exitCodes.notCompared,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** @throws CliError of code AWS_WRONG_ACCOUNT */
async function callerIn(context: CliContext, accountId: string): Promise<Run['caller']> {
  const caller = await withAws(context, regionOf(context), (aws) =>
    aws.account.callerIdentity(context.signal),
  );
  const partition = partitionNames.find((name) => name === caller.partition) ?? 'aws';
  if (caller.accountId === accountId) return { arn: caller.arn, partition };
  throw new CliError(
    'AWS_WRONG_ACCOUNT',
    `your AWS credentials belong to AWS account ${caller.accountId}, not to ${accountId}`,
    {
      details: [`You are ${caller.arn}.`],
      next: [`Choose a profile of AWS account ${accountId}: AWS_PROFILE=NAME`],
    },
  );
}

const regionOf = ({ env }: CliContext): string =>
  env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || 'us-east-1';

function requiredAccount({ account }: ConformanceRequest): string {
  if (account === undefined)
    throw usageError('no AWS account given', 'Pass --account ID, the AWS account of your credentials.');
  if (!/^\d{12}$/.test(account))
    throw usageError(`"${account}" is not an AWS account ID, which has twelve digits`);
  return account;
}

/** Converts errors of the AWS SDK into errors of the command line. */
async function inWords<T>(doing: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Error && '$metadata' in error ? classifyAwsError(error, doing) : error;
  }
}

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Creates a name of eight random characters, so that concurrent runs have different names. */
const runName = (): string => [...randomBytes(8)].map((byte) => letters[byte % letters.length]).join('');

/** Creates the folder of `--report`. @throws CliError of code USAGE if the folder is not writable */
async function createReportFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    return folder;
  } catch (error) {
    throw usageError(
      `cannot write the report to ${folder}: ${errorMessage(error)}`,
      'Choose another folder.',
    );
  }
}
