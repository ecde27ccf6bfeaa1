/**
 * The tour: the promise of Konstellation, shown step by step on a running sandbox. It uses the `kon` command line and an AWS SDK,
 * and observes the effects in Kubernetes, IAM and S3 from outside. `kon sandbox tour` performs it, the end-to-end test asserts
 * it.
 */
import type { IAMClient } from '@aws-sdk/client-iam';
import type { STSClient } from '@aws-sdk/client-sts';
import type { KubeClient } from '../../../src/kube/index.ts';
import type { CommandRunner } from './commands.ts';

export type TourStep = {
  readonly title: string;
  run(tour: Tour): Promise<void>;
};

export type Tour = {
  readonly client: KubeClient;
  /** The emulator's administrator. */
  readonly iam: IAMClient;
  readonly sts: STSClient;
  /** The account that the tour creates, and its app. */
  readonly commands: CommandRunner;
  readonly signal: AbortSignal;
  /** Prints what happens next, in a sentence. */
  say(text: string): void;
  /**
   * Asserts a fact.
   * @throws TourFailure with `detail` when it does not hold
   */
  expect(fact: string, holds: boolean, detail?: string): void;
  /** The operator's AWS calls since the previous call of this function, by action. */
  operatorCalls(): Promise<Readonly<Record<string, number>>>;
};

/** Milliseconds until a step counts as broken. Drift is detected and repaired well within it. */
export const patienceMs = 90_000;
