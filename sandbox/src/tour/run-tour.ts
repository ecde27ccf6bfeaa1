/** Performs the tour on a running sandbox and prints each step. */
import { IAMClient } from '@aws-sdk/client-iam';
import { STSClient } from '@aws-sdk/client-sts';
import { createKubeClient, loadConnection } from '../../../src/kube/index.ts';
import { loopbackRequest } from '../loopback.ts';
import type { SandboxDescription } from '../supervisor/description.ts';
import { createCommandRunner } from './commands.ts';
import { tourSteps } from './steps.ts';
import { TourFailure } from './failure.ts';
import type { Tour } from './tour.ts';
import { errorMessage } from '../../../src/k8s/errors.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';

export type TourOptions = {
  readonly sandbox: SandboxDescription;
  /** Environment of a shell that uses the sandbox. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kon: readonly [string, ...string[]];
  readonly probe: readonly [string, ...string[]];
  readonly editor: readonly [string, ...string[]];
  readonly write: (text: string) => void;
  readonly now: () => Monotonic;
  readonly random: () => number;
  readonly signal: AbortSignal;
};

export type TourReport = {
  readonly steps: readonly { readonly title: string; readonly seconds: number; readonly facts: number }[];
  /** The failed step and the reason. */
  readonly failure?: { readonly step: string; readonly message: string };
};

export async function runTour(options: TourOptions): Promise<TourReport> {
  const { sandbox, env, write, now, signal } = options;
  const connection = await loadConnection({ kubeconfig: sandbox.kubeconfig, env: {} });
  const client = createKubeClient(connection, { now, random: options.random });
  const aws = { endpoint: sandbox.awsEndpoint, region: sandbox.region, credentials: sandbox.credentials };
  const iam = new IAMClient(aws);
  const sts = new STSClient(aws);
  const commands = await createCommandRunner({
    kon: options.kon,
    probe: options.probe,
    editor: options.editor,
    env,
    write,
    signal,
  });
  const steps: { title: string; seconds: number; facts: number }[] = [];
  let facts = 0;
  let seen = 0;
  const tour: Tour = {
    client,
    iam,
    sts,
    commands,
    signal,
    say: (text) => write(`\n  ${text}\n`),
    expect(fact, holds, detail) {
      write(`  ${holds ? '√' : '×'} ${fact}\n`);
      if (!holds) throw new TourFailure(detail === undefined ? fact : `${fact}; but: ${detail}`);
      facts += 1;
    },
    async operatorCalls() {
      const { body } = await loopbackRequest(`${sandbox.awsEndpoint}/_emulator/journal?since=${seen}`, {
        signal,
      });
      const journal = JSON.parse(body) as {
        last: number;
        entries: { service: string; action: string; caller?: string }[];
      };
      seen = journal.last;
      const counts: Record<string, number> = {};
      for (const { service, action, caller } of journal.entries) {
        // Counts identity proofs as calls of the operator. Identity proofs are not signed and contain only the token,
        // so they have no caller.
        if (!caller?.endsWith(':user/konstellation-operator') && action !== 'AssumeRoleWithWebIdentity')
          continue;
        counts[`${service}:${action}`] = (counts[`${service}:${action}`] ?? 0) + 1;
      }
      return counts;
    },
  };
  try {
    for (const [index, step] of tourSteps.entries()) {
      write(`\n${index + 1}. ${step.title}\n`);
      const startedAt = now();
      facts = 0;
      try {
        await step.run(tour);
      } catch (error) {
        if (signal.aborted) throw error;
        const message = errorMessage(error);
        write(`\n  × ${message}\n`);
        return { steps, failure: { step: step.title, message } };
      }
      steps.push({ title: step.title, seconds: (now() - startedAt) / 1000, facts });
    }
    return { steps };
  } finally {
    await commands.close();
    iam.destroy();
    sts.destroy();
    await client.close();
  }
}
