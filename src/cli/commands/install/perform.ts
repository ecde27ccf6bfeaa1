/** Performs the steps of an installation one after the other, and stops at the first step that fails. */
import { resources, type KubeClient, type KubeObject } from '../../../kube/index.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import { explain } from '../../framework/explain.ts';
import { paint } from '../../framework/output/color.ts';
import { followObject } from '../../framework/wait/follow.ts';
import { waitUntilEnforced } from '../../installation/enforcement.ts';
import { untilInjected } from '../../installation/operator-identity.ts';
import type { Installation } from './installation.ts';
import type { Step } from '../../installation/steps.ts';

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
              ? `Done before: ${[...done, ...parts].join(', ')}.`
              : 'No step was done before.',
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
    '‼ the pod identity webhook does not give the operator its role yet; if this persists: kon doctor, then kubectl rollout restart\n',
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
