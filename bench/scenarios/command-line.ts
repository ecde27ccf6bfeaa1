/** Measures the time that a user waits for `kon`, compared with an empty Node.js program and with kubectl. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { baseEnvironment } from '../../sandbox/src/environment.ts';
import { percentile } from '../figure.ts';
import type { Scenario } from '../scenario.ts';
import { startWorld } from '../world.ts';

const runs = 15;
const accounts = 100;

async function time(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const [program, ...args] = command;
  const startedAt = performance.now();
  await promisify(execFile)(program, args, { env, maxBuffer: 64 * 1024 * 1024 });
  return performance.now() - startedAt;
}

/**
 * Runs the commands in turn, so that other load affects all commands alike. Returns the median time of each command.
 */
async function compare(
  commands: readonly (readonly [string, ...string[]])[],
  env: Readonly<Record<string, string>>,
): Promise<readonly number[]> {
  const times = commands.map((): number[] => []);
  for (const command of commands) await time(command, env);
  for (let run = 0; run < runs; run += 1)
    for (const [index, command] of commands.entries()) times[index]?.push(await time(command, env));
  return times.map((each) => percentile(each, 0.5));
}

export const commandLine: Scenario = {
  name: 'command line',
  summary: `kon --version beside node -e 0, and kon account list beside kubectl get lsa, with ${accounts} accounts, and completion`,
  async run({ kon, note }) {
    const world = await startWorld(kon);
    try {
      await world.createAccounts(accounts);
      const env = {
        ...baseEnvironment(process.env),
        KUBECONFIG: world.cluster.kubeconfig,
        HOME: world.folder,
      };
      const node = process.execPath;
      const [version = NaN, bare = NaN, list = NaN, kubectl = NaN, names = NaN] = await compare(
        [
          [node, kon, '--version'],
          [node, '-e', '0'],
          [node, kon, 'account', 'list'],
          [world.cluster.kubectlPath, 'get', 'lsa'],
          [node, kon, '__complete', '--', 'account', 'show', ''],
        ],
        env,
      );
      note(
        `kon --version ${version.toFixed(0)} ms, node -e 0 ${bare.toFixed(0)} ms; kon account list ${list.toFixed(0)} ms, kubectl get lsa ${kubectl.toFixed(0)} ms`,
      );
      return [
        { name: 'kon --version', value: version, unit: 'ms', bound: 2 * bare, peer: bare },
        { name: 'kon account list', value: list, unit: 'ms', bound: 1.5 * kubectl, peer: kubectl },
        { name: 'completion with names of the cluster', value: names, unit: 'ms', bound: 150 },
      ];
    } finally {
      await world.stop();
    }
  },
};
