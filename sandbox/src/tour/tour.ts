/**
 * The tour: the whole promise of Konstellation, shown step by step on a running sandbox. It does what a person would do, by
 * the `kon` command line and with an AWS SDK, and looks at what comes of it from outside: in Kubernetes, in IAM, in S3.
 * `kon sandbox tour` performs it, the end-to-end test asserts it.
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
  /** The account whose apps the tour is about, and the app. */
  readonly commands: CommandRunner;
  readonly signal: AbortSignal;
  /** Tells what happens next, in a sentence. */
  say(text: string): void;
  /**
   * A fact that has to hold now.
   * @throws TourFailure when it does not; `detail` then helps to see why
   */
  expect(fact: string, holds: boolean, detail?: string): void;
  /** Calls to AWS since the last time this was asked, by action, and by the operator only. */
  operatorCalls(): Promise<Readonly<Record<string, number>>>;
};

export class TourFailure extends Error {
  override readonly name = 'TourFailure';
}

/** Something that takes this long is broken, in milliseconds. A role's change is swept, proven and told well within. */
export const patienceMs = 90_000;
