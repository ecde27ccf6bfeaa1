/**
 * Lists the steps of an installation in the order of their dependencies, and performs them. Stops at the first step that
 * fails.
 */
import { resources, type KubeClient, type KubeObject } from '../../../kube/index.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import { explain } from '../../framework/explain.ts';
import { paint } from '../../framework/output/color.ts';
import { followObject } from '../../framework/wait/follow.ts';
import { waitUntilEnforced, type Clock } from '../../installation/enforcement.ts';
import { untilInjected, associationRemoval, associationStep } from '../../installation/operator-identity.ts';
import type { Installation } from './installation.ts';
import {
  type Step,
  crdStep,
  newObjectStep,
  objectStep,
  presentStep,
  providerStep,
  roleStep,
} from '../../installation/steps.ts';
import type { InstallationStore } from '../../../aws/installation.ts';
import type { Aws } from '../../aws/session.ts';
import { acceptNewStep } from '../../installation/refuse-new.ts';
import { operatorName } from '../../installation/operator-objects.ts';

export async function performAll(
  context: CliContext,
  client: KubeClient,
  installation: Installation,
  groups: readonly (() => Promise<readonly Step[]>)[],
): Promise<void> {
  const { stderr, signal } = context;
  const done: string[] = [];
  let unseenPolicies = false;
  for (const group of groups) {
    for (const step of await group()) {
      const isPolicy = step.object.startsWith('ValidatingAdmissionPolicy');
      if (!isPolicy && unseenPolicies) {
        await waitUntilEnforced(client, context);
        unseenPolicies = false;
      }
      if (step.state === 'present') continue;
      const parts: string[] = [];
      try {
        if (step.object.startsWith('Deployment ')) await awaitInjection(context, client, installation);
        await step.perform((what) => parts.push(what));
      } catch (error) {
        if (signal.aborted) throw error;
        const { code, message, details, next } = explain(error);
        throw new CliError(code, `${step.object}: ${message}`, {
          details: [
            ...details,
            done.length + parts.length > 0
              ? `Done before this error: ${[...done, ...parts].join(', ')}.`
              : 'No step was done before this error.',
          ],
          next: [...next, 'Then run kon install again: it continues at the failed step.'],
          cause: error,
        });
      }
      unseenPolicies ||= isPolicy;
      done.push(step.object);
      stderr.write(`${paint('green', '√', stderr.color)} ${step.object}\n`);
      if (step.object.startsWith('CustomResourceDefinition ')) await untilServed(context, client, step);
    }
  }
}

async function awaitInjection(
  { stderr, monotonic, signal }: CliContext,
  client: KubeClient,
  { namespace, mode, roleArn: arn }: Installation,
): Promise<void> {
  if (await untilInjected(client, { namespace, roleArn: arn, mode }, { monotonic, signal })) return;
  stderr.write(
    '‼ the pod identity webhook does not give the pods of the operator a role yet; if this persists, find the cause with kon doctor, then restart the operator with kubectl rollout restart\n',
  );
}

type Crd = KubeObject & {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
};

async function untilServed(context: CliContext, client: KubeClient, { object }: Step): Promise<void> {
  const name = object.slice('CustomResourceDefinition '.length);
  const resource = resources.customResourceDefinitions;
  const following = { clock: context, client, resource, signal: context.signal };
  for await (const crd of followObject<Crd>(following, name))
    if (crd?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True'))
      return;
}

/** AWS clients for the reads and writes of an installation. */
export type Found = { readonly aws: Aws; readonly installation: InstallationStore };

/** Returns groups of steps. The state of a group can be determined only after the previous group was applied. */
export function stepGroups(
  client: KubeClient,
  {
    cluster,
    namespace,
    former,
    role,
    association,
    policy,
    admission,
    crds,
    objects,
    config,
    existing,
  }: Installation,
  { aws: { roles, podIdentity }, installation }: Found,
  clock: Clock,
): readonly (() => Promise<readonly Step[]>)[] {
  const { signal } = clock;
  const all = (list: readonly KubeObject[]) => (): Promise<readonly Step[]> =>
    Promise.all(list.map((object) => objectStep(client, object, signal)));
  return [
    () =>
      Promise.all([
        ...(association ? [] : [providerStep(cluster, installation, signal)]),
        roleStep(
          { spec: role, policy: JSON.stringify(policy), clusterArn: cluster.clusterArn },
          { roles, installation },
          signal,
        ),
        ...(association
          ? [associationStep(association, podIdentity(cluster.name).associations, signal)]
          : []),
      ]),
    all(admission),
    () => acceptNewStep(client, clock),
    () => Promise.all(crds.map((crd) => crdStep(client, crd, signal))),
    // After the operator's switch from Pod Identity to another mode, removes the operator's association, because pods
    // prefer an association to the role annotation of their ServiceAccount.
    async () =>
      former === 'PodIdentity' && cluster.eks
        ? associationRemoval(
            { namespace, serviceAccount: operatorName },
            podIdentity(cluster.name).associations,
            cluster.clusterArn,
            signal,
          )
        : [],
    all(objects),
    async () => [existing ? presentStep(config) : await newObjectStep(client, config, signal)],
  ];
}
