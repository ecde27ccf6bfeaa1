/** The processes of one sandbox, which are started under the watchdog, monitored, and stopped together. */
import { join } from 'node:path';
import type { Program } from '../cluster/controllers.ts';
import type { Environment } from '../environment.ts';
import { type Child, describeExit, startChild } from '../processes/child.ts';
import type { Watchdog } from '../processes/watchdog.ts';
import type { PartName, PartStatus } from './description.ts';
import { residentBytes } from './memory.ts';

export type Parts = {
  start(name: PartName, version: string, program: Program, env: Environment): Promise<Child>;
  /** Adds a child process that another module started. */
  adopt(name: PartName, version: string, child: Child): void;
  status(): Promise<PartStatus[]>;
  /** Whether a part has ended although it was not stopped. */
  anyEnded(): boolean;
  /** Stops all parts of the sandbox. */
  stop(): Promise<void>;
};

export type PartsOptions = {
  readonly watchdog: Watchdog;
  readonly logs: string;
  readonly onStart: (name: PartName, version: string) => void;
  /** Called when a part ends without being stopped; the message contains the end of its log. */
  readonly onEnd: (name: PartName, message: string) => void;
};

type Part = { readonly name: PartName; readonly version: string; readonly child: Child };

/**
 * Grace period in milliseconds: long enough for the parts to save their state and to deregister from the API server.
 */
const graceMs = 1500;
/**
 * Parts that are killed immediately: their data does not outlive the sandbox, and an orderly shutdown would take
 * seconds.
 */
const endedWithoutGrace: readonly PartName[] = ['etcd', 'kube-apiserver'];

export function createParts(options: PartsOptions): Parts {
  const { watchdog, logs, onStart, onEnd } = options;
  const parts = new Map<PartName, Part>();
  const ended = new Set<PartName>();
  let stopping = false;

  const watchOver = async (name: PartName, child: Child): Promise<void> => {
    const exit = await child.exited;
    if (stopping) return;
    ended.add(name);
    onEnd(name, (await describeExit(child, exit)).message);
  };

  const adopt = (name: PartName, version: string, child: Child): void => {
    parts.set(name, { name, version, child });
    onStart(name, version);
    void watchOver(name, child);
  };

  return {
    adopt,
    start: async (name, version, program, env) => {
      const logFile = join(logs, `${name}.log`);
      const child = await startChild({ name, ...program, env, logFile, watchdog });
      adopt(name, version, child);
      return child;
    },
    status: async () => {
      const all = [...parts.values()];
      const memory = await residentBytes(
        all.filter(({ child }) => child.running()).map(({ child }) => child.pid),
      );
      return Promise.all(
        all.map(async ({ name, version, child }) => {
          const running = child.running();
          return {
            name,
            version,
            pid: child.pid,
            running,
            ...(running ? {} : { exit: await child.exited }),
            rssBytes: memory.get(child.pid) ?? 0,
            log: child.logFile,
          };
        }),
      );
    },
    anyEnded: () => ended.size > 0,
    stop: async () => {
      stopping = true;
      const all = [...parts.values()];
      const abrupt = (part: Part): boolean => endedWithoutGrace.includes(part.name);
      await Promise.all(all.filter((part) => !abrupt(part)).map(({ child }) => child.stop(graceMs)));
      await Promise.all(all.filter(abrupt).map(({ child }) => child.stop(0)));
    },
  };
}
