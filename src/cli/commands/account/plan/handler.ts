/** `kon account plan` and `diff`: print the changes that the operator would make for an account. */
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import { requireAccount, withAws } from '../../../aws/session.ts';
import { readAdmittedSince } from '../../../cluster/operator-deployment.ts';
import { getClusterFacts } from '../../../cluster/cluster-config.ts';
import { createObject, findObject, notFound } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { usageError } from '../../../framework/errors.ts';
import { exitCodes, type ExitCode } from '../../../framework/exit-codes.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { oneOrList, writeDocument } from '../../../framework/output/answer.ts';
import { readManifest } from '../../../manifest/source.ts';
import { problemsOf } from '../../../framework/wait/progress.ts';
import { affectedPods, changesOf } from './changes.ts';
import { dryRun } from './dry-run.ts';
import { observeAccount, observeReplacedPods } from './observe.ts';
import { renderPlan, type AccountPlanView } from './render.ts';
import type { KubeClient } from '../../../../kube/index.ts';
import type { Manifest } from '../../../manifest/present.ts';

type PlanRequest = {
  readonly filename: string | undefined;
  /** Whether to plan the deletion of the account. */
  readonly deletion: boolean;
};

/** Exits with 0 if nothing would change, 1 if something would change, and above 1 if the plan cannot be determined. */
export async function planFlow(
  context: CliContext,
  { names, ...request }: PlanRequest & { readonly names: readonly string[] },
): Promise<ExitCode> {
  if (names.length > 1 && request.filename !== undefined)
    throw usageError('-f plans only one account, but several names were given', 'Give either.');
  const views: AccountPlanView[] = [];
  for (const name of names.length === 0 ? [undefined] : names)
    views.push(await makePlan(context, { ...request, name }));
  const { kind, value } = oneOrList('AccountPlan', views);
  await writeDocument(context, kind, value, (color) =>
    views.map((view) => renderPlan(view, color)).join('\n'),
  );
  return views.every(({ changes }) => changes.length === 0) ? exitCodes.ok : exitCodes.error;
}

async function makePlan(
  context: CliContext,
  request: PlanRequest & { readonly name: string | undefined },
): Promise<AccountPlanView> {
  const { signal, now, monotonic } = context;
  if (request.filename !== undefined && request.deletion)
    throw usageError('-f and --delete cannot be combined', 'Give either.');
  const manifest =
    request.filename === undefined
      ? undefined
      : await readManifest(context, request.filename, { kind: accountKind, name: request.name });
  const name = manifest?.metadata.name ?? request.name;
  if (name === undefined)
    throw usageError('no account given', 'Pass an account or a manifest: kon account plan NAME, or -f FILE.');
  const client = await context.connect();
  const [{ facts, region }, admittedSince, live] = await Promise.all([
    getClusterFacts(client),
    readAdmittedSince(client, signal),
    findObject(client, accountKind, name),
  ]);
  const found = manifest ? await admitted(client, live, manifest) : live;
  if (!found) throw notFound(accountKind, name);
  const account = request.deletion
    ? { ...found, metadata: { deletionTimestamp: new Date(now()).toISOString(), ...found.metadata } }
    : found;
  return withAws(context, region, async (aws) => {
    const [world] = await Promise.all([
      observeAccount(account, {
        facts,
        client,
        roles: aws.roles,
        associations: aws.podIdentity(facts.name).associations,
        now: monotonic(),
        date: now(),
        admittedSince,
        signal,
      }),
      requireAccount(context, aws, facts),
    ]);
    const plan = await dryRun(world, (role) => aws.roles.read(role, signal));
    const changes = changesOf(world, plan);
    const running = affectedPods(world, plan, new Set());
    const pods =
      running.length === 0
        ? running
        : affectedPods(world, plan, await observeReplacedPods(name, client, signal));
    const attached = new Set(
      plan.steps.flatMap((step) => (step.kind === 'AttachPolicy' ? step.policyArn : [])),
    );
    const missing = await Promise.all(
      [...attached].map(async (arn) =>
        (await aws.policies.document(arn, signal)) === undefined
          ? [{ about: `policy ${arn}`, reason: 'PolicyNotFound', message: 'policy not found in IAM' }]
          : [],
      ),
    );
    return {
      account: name,
      cluster: facts.name,
      accountId: facts.accountId,
      changes,
      pods,
      drift: plan.drift,
      problems: [
        ...missing.flat(),
        // Omits problems of the account if the plan deletes the account.
        ...(request.deletion ? [] : problemsOf({ ...world.account, status: plan.status })),
      ],
    };
  });
}

/** Sends the manifest to the API server in a dry run, which validates it and adds defaults. */
async function admitted(
  client: KubeClient,
  live: LinkedServiceAccount | undefined,
  manifest: Manifest,
): Promise<LinkedServiceAccount> {
  if (!live) return createObject(client, accountKind, manifest, { dryRun: true });
  return (await client.update(
    accountKind.resource,
    { ...manifest, metadata: { ...live.metadata, ...manifest.metadata } },
    { fieldManager: 'kon', fieldValidation: 'Strict', dryRun: true },
  )) as unknown as LinkedServiceAccount;
}
