/**
 * The tour demonstrates step by step, on a running sandbox, what Konstellation promises. The tour uses the `kon`
 * command line and an AWS SDK, and observes the effects in Kubernetes, IAM and S3 from outside. `kon sandbox tour`
 * performs the tour; the end-to-end test asserts that the tour succeeds.
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
  /** IAM client of the emulator's administrator. */
  readonly iam: IAMClient;
  readonly sts: STSClient;
  /** Runs the commands of the tour. */
  readonly commands: CommandRunner;
  readonly signal: AbortSignal;
  /** Prints a sentence about the next action of the tour. */
  say(text: string): void;
  /**
   * Asserts a fact.
   * @throws TourFailure with `detail` if the fact does not hold
   */
  expect(fact: string, holds: boolean, detail?: string): void;
  /** Counts the operator's AWS calls since the previous call of this function, by action. */
  operatorCalls(): Promise<Readonly<Record<string, number>>>;
};

/** Time limit of a step in milliseconds. Detecting and repairing drift takes much less time. */
export const patienceMs = 90_000;
