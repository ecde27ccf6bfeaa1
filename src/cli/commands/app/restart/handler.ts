/**
 * `kon app restart`: annotates the pod templates of an app's Deployments, as `kubectl rollout restart` does. The annotation
 * has a separate field manager, so that the operator, which applies the other fields of the template, leaves it unchanged.
 */
import { resources, type KubeClient } from '../../../../kube/index.ts';
import { dryRunFailure } from '../../../../operator/rollout/dry-run-pod.ts';
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import { deployedMark } from '../../../../workloads/deployment.ts';
import { identityGate, deniesCredentials } from '../../../../workloads/identity-gate.ts';
import type { WantedIdentity } from '../../../../workloads/pod-identity.ts';
import { deploymentOf, chosenTargets, type AppDeployment } from '../../../cluster/app-objects.ts';
import { getObject } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { appKind, nameOf } from '../../../cluster/kinds.ts';
import { qualifiedName } from '../../../framework/output/data.ts';
import { accountOf, wantedIdentities } from '../../../pods/wanted-identities.ts';
import { waitForRollout } from '../../../framework/wait/rollout.ts';
import { resultLine, type WriteInput } from '../../../objects/finish.ts';
import type { App } from '../../../../api/app.ts';
import { restartedAtAnnotation } from '../revisions.ts';

const restartFieldManager = 'kon-restart';

export async function restartFlow(
  context: CliContext,
  request: WriteInput & { readonly name: string; readonly target: readonly string[] },
): Promise<void> {
  const { name, dryRun } = request;
  const client = await context.connect();
  const app = await getObject(client, appKind, name);
  const deployments = await restartable(client, app, chosenTargets(app, request.target));
  const wanted = await wantedIdentities(client, app);
  const account = await accountOf(client, app);
  const end = context.monotonic() + request.timeout;
  for (const [index, deployment] of deployments.entries()) {
    requireProvider(app, account, deployment);
    await requireInjection(context, client, deployment, wanted.get(deployment.metadata.namespace ?? ''));
    const restarted = await restart(context, client, deployment, dryRun);
    context.stdout.write(
      context.format === 'name'
        ? `${qualifiedName(restarted)}\n`
        : resultLine(nameOf(appKind, name), `restarted in ${deployment.metadata.namespace}`, dryRun),
    );
    if (request.noWait || dryRun) continue;
    try {
      await waitForRollout(context, client, restarted, Math.max(end - context.monotonic(), 1));
    } catch (error) {
      const left = deployments.slice(index + 1).map((each) => each.metadata.namespace);
      if (!(error instanceof CliError) || left.length === 0) throw error;
      throw new CliError(error.code, error.message, {
        details: [...error.details, `Not restarted: ${left.join(', ')}.`],
        next: error.next,
        cause: error,
      });
    }
  }
}

/** @throws CliError of code CLUSTER_NOT_READY while new pods of the app would get no credentials */
function requireProvider(
  { metadata: { name }, spec: { serviceAccount } }: App,
  account: LinkedServiceAccount | undefined,
  deployment: AppDeployment,
): void {
  if (!account) return;
  const { namespace: target = '' } = deployment.metadata;
  const gate = identityGate({
    account: serviceAccount,
    linkedServiceAccount: account,
    target,
    deployedMark: deployedMark(deployment),
  });
  if (gate.open || !deniesCredentials(gate.reason)) return;
  throw new CliError('CLUSTER_NOT_READY', `new pods of "${name}" in ${target} would get no credentials`, {
    details: [gate.message],
    next: [
      gate.reason === 'Quarantined'
        ? `Release the account, if the incident is over: kon account release ${account.metadata.name}`
        : 'Create or correct the IAM OIDC provider; to see how: kon doctor',
    ],
  });
}

/**
 * Refuses to replace running pods while new pods would lack their identity. The operator applies the same rule.
 * @throws CliError of code CLUSTER_NOT_READY
 */
async function requireInjection(
  { stderr, signal, global }: CliContext,
  client: KubeClient,
  { metadata, spec }: AppDeployment,
  wanted: WantedIdentity | undefined,
): Promise<void> {
  const { name, namespace = '' } = metadata;
  if (!wanted || !spec?.template || global.dryRun === 'client') return;
  const pod = { name, namespace, template: spec.template, wanted: [wanted] };
  // Skips the token exchange: the user may have no AWS credentials, and the account's status already contains the result.
  const exchange = (): Promise<undefined> => Promise.resolve(undefined);
  const failure = await dryRunFailure(pod, { client, exchange }, signal);
  if (failure?.reason === 'NotInjected')
    throw new CliError(
      'CLUSTER_NOT_READY',
      `new pods of "${name}" in ${namespace} would lack their identity`,
      {
        details: [`The app can be restarted as soon as ${failure.message}.`],
        next: ['Check the pod identity webhook: kon doctor'],
      },
    );
  if (failure?.refusal !== undefined)
    stderr.write(
      `‼ the identity of new pods in ${namespace} cannot be checked beforehand: ${failure.refusal}\n`,
    );
}

/** @throws CliError before any restart, if a target has nothing to restart */
async function restartable(
  client: KubeClient,
  app: App,
  targets: readonly string[],
): Promise<readonly AppDeployment[]> {
  const { name } = app.metadata;
  const halted = new Set(
    app.spec.targets.filter((target) => target.deployMode === 'halt').map((target) => target.name),
  );
  const running = targets.filter((target) => !halted.has(target));
  if (running.length === 0)
    throw new CliError('INVALID', `app "${name}" is halted in ${targets.join(', ')}`, {
      next: [`Resume the app first: kon app resume ${name}`],
    });
  const found = await Promise.all(
    running.map(async (target) => ({ target, deployment: await deploymentOf(client, app, target) })),
  );
  const missing = found.filter(({ deployment }) => deployment === undefined).map(({ target }) => target);
  if (missing.length > 0)
    throw new CliError('NOT_FOUND', `app "${name}" has not been deployed in ${missing.join(', ')}`, {
      next: [`Find the reason: kon app status ${name}`],
    });
  return found.flatMap(({ deployment }) => deployment ?? []);
}

async function restart(
  context: CliContext,
  client: KubeClient,
  { metadata }: AppDeployment,
  dryRun: boolean,
): Promise<AppDeployment> {
  const at = new Date(context.now()).toISOString();
  return client.patch<AppDeployment>(
    resources.deployments,
    { namespace: metadata.namespace, name: metadata.name },
    {
      // With the UID, the patch applies only to the Deployment that was checked, not to a recreated one.
      metadata: { uid: metadata.uid },
      spec: { template: { metadata: { annotations: { [restartedAtAnnotation]: at } } } },
    },
    { type: 'merge', fieldManager: restartFieldManager, dryRun },
  );
}
