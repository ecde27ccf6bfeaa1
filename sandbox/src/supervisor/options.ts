/** Options of the supervisor, and the values that the supervisor adds before it starts the parts. */
import type { Random } from '../../../src/kube/index.ts';
import type { Monotonic, Wall } from '../../../src/k8s/time.ts';
import type { sandboxBinaries } from '../binaries/parts.ts';
import type { ResolvedBinary } from '../binaries/resolve.ts';
import type { OuterEnvironment } from '../environment.ts';
import type { Watchdog } from '../processes/watchdog.ts';
import type { SandboxDescription } from './description.ts';
import type { SandboxReporter, SandboxStep } from './events.ts';
import type { Parts } from './parts.ts';
import type { SandboxPaths } from './paths.ts';
import type { SandboxSettings } from './settings.ts';

export type SupervisorOptions = {
  readonly paths: SandboxPaths;
  readonly settings: SandboxSettings;
  readonly env: OuterEnvironment;
  readonly now: () => Wall;
  readonly monotonic: () => Monotonic;
  readonly random: Random;
  /** Command that runs `kon`, for the parts that are `kon` subcommands. */
  readonly self: readonly [string, ...string[]];
  /** Version of Konstellation. */
  readonly version: string;
  readonly report: SandboxReporter;
  /** Stops the sandbox when aborted, even during the start. */
  readonly signal: AbortSignal;
};

export type BringUpOptions = SupervisorOptions & {
  readonly parts: Parts;
  readonly watchdog: Watchdog;
  readonly onCleanup: (cleanup: () => Promise<void> | void) => void;
  readonly onStep: (step: SandboxStep) => void;
  readonly onFacts: (facts: Facts) => void;
};

type Facts = Omit<SandboxDescription, 'state' | 'parts' | 'pid' | 'startedAt' | 'folder'>;
export type Binaries = Readonly<Record<(typeof sandboxBinaries)[number], ResolvedBinary>>;
export type Ports = Readonly<
  Record<'etcd' | 'apiServer' | 'aws' | 'webhook' | 'operator' | 'kubelet' | 'kwok', number>
>;
