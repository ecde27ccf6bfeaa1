/**
 * Runs the tests that take too long for every build, one part after the other. `--only NAME` runs one part, and
 * `--list` lists the parts. Environment variables: SEEDS, the number of schedules (10,000); FROM, the first seed (0);
 * CHAINS, the number of chains of 1,000 specs (20); KON_SEED, the seed of the property tests (random); KON_SOAK_MINUTES
 * and KON_SOAK_IDLE_MINUTES, the duration of the other parts (10 and 5).
 */
import { spawn } from 'node:child_process';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

type Part = { readonly name: string; readonly command: readonly string[] };

const root = resolve(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');
const { SEEDS = '10000', FROM = '0', CHAINS = '20' } = process.env;

/** Seed of the property tests. Each soak run uses a new seed; other runs use a fixed seed. */
const seed = process.env['KON_SEED'] ?? String(Math.floor(Math.random() * 2 ** 31));

const parts: readonly Part[] = [
  { name: 'properties', command: ['vitest', 'run', '--project', 'unit'] },
  {
    name: 'seeds',
    command: [
      'node',
      'scripts/crash-plans.ts',
      '--only-seeds',
      '--seeds',
      SEEDS,
      '--from',
      FROM,
      '--chains',
      CHAINS,
    ],
  },
  // Injects faults on a real API server for ten minutes. Afterwards, the memory of the process must not have grown.
  { name: 'leaks', command: ['vitest', 'run', '--project', 'soak', 'test/soak/leaks.test.ts'] },
  // Runs an idle operator for five minutes. The operator must write nothing except its Lease.
  { name: 'idle', command: ['vitest', 'run', '--project', 'soak', 'test/soak/idle.test.ts'] },
];

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, list: { type: 'boolean' } },
});
const names = parts.map(({ name }) => name);
const unknown = (values.only ?? []).filter((name) => !names.includes(name));
if (values.list) console.log(names.join('\n'));
else if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}; the parts are: ${names.join(', ')}`);
  process.exitCode = 2;
} else await runAll(parts.filter(({ name }) => values.only?.includes(name) ?? true));

async function runAll(chosen: readonly Part[]): Promise<void> {
  console.log(`KON_SEED=${seed}`);
  for (const { name, command } of chosen) {
    console.log(`== ${name}`);
    const code = await run(command);
    console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name}`);
    if (code !== 0) process.exitCode = 1;
  }
}

function run([program = '', ...args]: readonly string[]): Promise<number> {
  return new Promise((done, reject) => {
    // The shebang line of vitest runs `node`, which must be the version that the project pins.
    const env = { ...process.env, KON_SEED: seed, PATH: [bin, process.env['PATH']].join(delimiter) };
    const child = spawn(join(bin, program), args, { cwd: root, stdio: 'inherit', env });
    child.once('error', reject);
    child.once('exit', (code) => done(code ?? 1));
  });
}
