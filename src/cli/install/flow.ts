/** `kon install`: finds out where, says what, asks, does it step by step, and stops at the first that is refused. */
import { clusterConfigSpec, type ClusterConfig } from '../../api/cluster-config.ts';
import { connectInstallation, type InstallationStore } from '../../aws/installation.ts';
import { effectiveConfig, operatorPolicy, operatorPolicyOptions, roleArn } from '../../identity/index.ts';
import { resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { withAws } from '../aws/session.ts';
import { listObjects } from '../cluster/objects.ts';
import { confirmed, requireConfirmation } from '../confirm.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { explain } from '../explain.ts';
import { clusterConfigKind } from '../kinds.ts';
import { paint } from '../output/color.ts';
import { asYaml } from '../output/objects.ts';
import { followObject } from '../wait/follow.ts';
import { waitUntilReady } from '../wait/wait.ts';
import type { WaitInput } from '../write/finish.ts';
import { version } from '../version.ts';
import { discoverCluster, hintsOf, type ClusterChoice, type DiscoveredCluster } from './discover.ts';
import { clusterConfigObject, crdObjects, operatorName, operatorObjects } from './operator-objects.ts';
import { operatorPolicyName, operatorRole } from './operator-role.ts';
import { describeObject, objectStep, orMissing, providerStep, roleStep, type Step } from './steps.ts';

export type InstallRequest = ClusterChoice & {
  readonly targets: readonly string[];
  readonly boundary: string | undefined;
  readonly allowedPolicies: readonly string[];
  readonly namespace: string;
  readonly image: string | undefined;
  readonly replicas: number;
  /** The operator runs elsewhere. */
  readonly withoutOperator: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly wait: WaitInput;
};

/** Everything that an installation makes, as data. */
type Installation = {
  readonly cluster: DiscoveredCluster;
  readonly role: ReturnType<typeof operatorRole>;
  readonly policy: ReturnType<typeof operatorPolicy>;
  readonly crds: readonly KubeObject[];
  readonly objects: readonly KubeObject[];
  readonly config: KubeObject;
  /** There is a ClusterConfig already, which stays as it is. */
  readonly existing: boolean;
};

export async function installFlow(context: CliContext, request: InstallRequest): Promise<ExitCode> {
  const { stderr, signal } = context;
  const client = await context.connect();
  const { hints, issuer } = await hintsOf(context, client);
  const region =
    request.region ?? hints.region ?? (context.env['AWS_REGION'] || context.env['AWS_DEFAULT_REGION']);
  if (!region)
    throw new CliError('USAGE', 'neither the kubeconfig nor the environment tells the AWS region', {
      next: ['Give it: --region REGION'],
    });
  return withAws(context, region, async (aws) => {
    const installationStore = connectInstallation({ region, userAgent: `kon/${version}` });
    try {
      const caller = await aws.account.callerIdentity(signal);
      const cluster = await discoverCluster(
        { choice: request, hints, issuer, region, caller, signal },
        installationStore,
      );
      const existing = effectiveConfig((await orMissing(listObjects(client, clusterConfigKind))) ?? []);
      const installation = describeInstallation(cluster, existing, request);
      if (request.dryRun) {
        context.stdout.write(
          context.format === 'json' ? asJson(installation) : renderManifests(installation),
        );
        return exitCodes.ok;
      }
      const what = `installing on the cluster ${cluster.name}`;
      requireConfirmation(context, { yes: request.yes, what });
      const groups = stepGroups(client, installation, aws.roles, installationStore, signal);
      stderr.write(
        `${cluster.eks ? 'EKS cluster' : 'Cluster'} ${cluster.name} in ${cluster.region}, AWS account ${cluster.accountId}\n` +
          `Issuer ${cluster.issuer}\nYou are ${caller.arn}\n\n`,
      );
      const planned: Step[] = [];
      for (const group of groups) planned.push(...(await group()));
      const open = planned.filter(({ state }) => state !== 'present');
      for (const step of planned) stderr.write(`${planLine(step, stderr.color)}\n`);
      if (open.length > 0) {
        const question = `\n${open.length} of ${planned.length} are to be made or changed. Go on?`;
        if (!(await confirmed(context, { yes: request.yes, what, question }))) {
          stderr.write('Nothing was changed.\n');
          return exitCodes.error;
        }
        await performAll(context, client, groups);
      }
      context.stdout.write(`konstellation ${open.length > 0 ? 'installed' : 'unchanged'}\n`);
      await finish(context, client, installation, request);
      return exitCodes.ok;
    } finally {
      installationStore.close();
    }
  });
}

function describeInstallation(
  cluster: DiscoveredCluster,
  existing: ClusterConfig | undefined,
  request: InstallRequest,
): Installation {
  const { namespace } = request;
  const role = operatorRole(cluster, { namespace, serviceAccount: operatorName });
  const config = clusterConfigObject(existing, {
    name: cluster.name,
    region: cluster.region,
    accountId: cluster.accountId,
    targets: request.targets,
    permissionsBoundaryArn: request.boundary,
    allowedPolicyArns: request.allowedPolicies,
  });
  const spec = clusterConfigSpec.parse((config as KubeObject & { readonly spec?: unknown }).spec);
  const options = operatorPolicyOptions(
    { metadata: config.metadata, spec },
    { accountId: cluster.accountId },
  );
  if (!options) throw new Error('the AWS account is known, and no policy follows from it');
  return {
    cluster,
    role,
    policy: operatorPolicy({ ...options, clusterArn: cluster.clusterArn, providerArn: cluster.providerArn }),
    crds: crdObjects(),
    objects: operatorObjects({
      namespace,
      image: request.image ?? `ghcr.io/k11n/konstellation:${version}`,
      replicas: request.replicas,
      roleArn: roleArn({ ...cluster, path: role.path, name: role.name }),
      region: cluster.region,
      deployment: !request.withoutOperator,
    }),
    config,
    existing: existing !== undefined,
  };
}

/** In groups, as what is in one cannot be looked at before the group before it is there. */
function stepGroups(
  client: KubeClient,
  { cluster, role, policy, crds, objects, config, existing }: Installation,
  roles: Parameters<typeof roleStep>[1]['roles'],
  installation: InstallationStore,
  signal: AbortSignal,
): readonly (() => Promise<readonly Step[]>)[] {
  const all = (list: readonly KubeObject[]) => (): Promise<readonly Step[]> =>
    Promise.all(list.map((object) => objectStep(client, object, signal)));
  return [
    () =>
      Promise.all([
        providerStep(cluster, installation, signal),
        roleStep(
          { spec: role, policy: JSON.stringify(policy), clusterArn: cluster.clusterArn },
          { roles, installation },
          signal,
        ),
      ]),
    all(crds),
    all(objects),
    // A person's, once it is there.
    existing
      ? async () => [{ object: describeObject(config), state: 'present', perform: async () => undefined }]
      : all([config]),
  ];
}

async function performAll(
  context: CliContext,
  client: KubeClient,
  groups: readonly (() => Promise<readonly Step[]>)[],
): Promise<void> {
  const { stderr, signal } = context;
  const done: string[] = [];
  for (const group of groups) {
    for (const step of await group()) {
      if (step.state === 'present') continue;
      try {
        await step.perform();
      } catch (error) {
        if (signal.aborted) throw error;
        const { code, message, details, next } = explain(error);
        throw new CliError(code, `${step.object}: ${message}`, {
          details: [
            ...details,
            done.length > 0 ? `Done before: ${done.join(', ')}.` : 'Nothing was done before.',
          ],
          next: [...next, 'Then run kon install again: it goes on where it stopped.'],
          cause: error,
        });
      }
      done.push(step.object);
      stderr.write(`${paint('green', '√', stderr.color)} ${step.object}\n`);
      if (step.object.startsWith('CustomResourceDefinition ')) await untilServed(client, step, signal);
    }
  }
}

type Crd = KubeObject & {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
};

async function untilServed(client: KubeClient, { object }: Step, signal: AbortSignal): Promise<void> {
  const name = object.slice('CustomResourceDefinition '.length);
  for await (const crd of followObject<Crd>(client, resources.customResourceDefinitions, name, signal))
    if (crd?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True'))
      return;
}

async function finish(
  context: CliContext,
  client: KubeClient,
  { config, cluster, role }: Installation,
  request: InstallRequest,
): Promise<void> {
  const { stderr } = context;
  if (request.withoutOperator)
    stderr.write(
      `\nRun the operator with the rights of ${role.name}, or with a profile that has them: kon operator --lease-namespace ${request.namespace}\n`,
    );
  else if (!request.wait.noWait) {
    const written = await client.get<ClusterConfig & KubeObject>(clusterConfigKind.resource, {
      name: config.metadata.name,
    });
    await waitUntilReady(context, client, clusterConfigKind, written, { timeoutMs: request.wait.timeout });
  }
  stderr.write(
    `\nSee how it is: kon doctor\nThe first account on ${cluster.name}: kon account create NAME\n`,
  );
}

const planMarks = {
  missing: ['+', 'green'],
  differs: ['~', 'yellow'],
  present: ['√', 'dim'],
} as const;

function planLine({ object, state }: Step, color: boolean): string {
  const [mark, style] = planMarks[state];
  return `  ${paint(style, mark, color)} ${object}`;
}

/** What kubectl takes; what is for IAM stands in comments before it. */
function renderManifests({ cluster, role, policy, crds, objects, config }: Installation): string {
  const comment = (text: string): string =>
    text
      .split('\n')
      .map((line) => `# ${line}`.trimEnd())
      .join('\n');
  const json = (value: unknown): string => JSON.stringify(value, undefined, 2);
  const iam = [
    `${cluster.eks ? 'EKS cluster' : 'Cluster'} ${cluster.clusterArn}`,
    '',
    `IAM OIDC provider ${cluster.providerArn}`,
    json({ Url: cluster.issuer, ClientIDList: ['sts.amazonaws.com'] }),
    '',
    `IAM role ${role.name}, path ${role.path}, tags ${JSON.stringify(role.tags)}; its trust policy:`,
    json(JSON.parse(role.trustPolicy)),
    '',
    `Its inline policy ${operatorPolicyName}:`,
    json(policy),
  ].join('\n');
  return `${comment(iam)}\n---\n${[...crds, ...objects, config].map(asYaml).join('---\n')}`;
}

function asJson({ cluster, role, policy, crds, objects, config }: Installation): string {
  return `${JSON.stringify(
    {
      apiVersion: 'cli.k11n.dev/v1',
      kind: 'Installation',
      cluster,
      iam: {
        oidcProvider: { arn: cluster.providerArn, url: cluster.issuer, clientIds: ['sts.amazonaws.com'] },
        role: {
          name: role.name,
          path: role.path,
          tags: role.tags,
          trustPolicy: JSON.parse(role.trustPolicy) as unknown,
          policies: { [operatorPolicyName]: policy },
        },
      },
      kubernetes: [...crds, ...objects, config],
    },
    undefined,
    2,
  )}\n`;
}
