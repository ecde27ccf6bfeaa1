/**
 * Has every program there that the tests start: the parts of the sandbox, helm, and the pinned moto. The first time on a
 * machine this takes minutes, which no test's time-out would allow. Does nothing when they are there.
 */
import { binaries, type BinaryName } from '../sandbox/src/binaries/parts.ts';
import { resolveBinaries } from '../sandbox/src/binaries/resolve.ts';
import { startWatchdog } from '../sandbox/src/processes/watchdog.ts';
import { eventDisplay } from '../src/cli/commands/sandbox/event-display.ts';
import { ensureMoto } from '../test/integration/aws-scenarios/moto.ts';
import { monotonicClock } from '../src/k8s/testing/clocks.ts';

const { stdout } = process;
const report = eventDisplay(
  {
    write: (text) => void stdout.write(text),
    isTTY: stdout.isTTY,
    columns: stdout.columns,
    color: false,
    redraws: stdout.isTTY,
  },
  monotonicClock,
);
const watchdog = await startWatchdog();
try {
  const names = Object.keys(binaries) as BinaryName[];
  const found = await resolveBinaries(names, { env: process.env, now: monotonicClock, report, watchdog });
  for (const name of names) console.log(`${name} ${found[name].version}: ${found[name].path}`);
  await ensureMoto((line) => console.log(line));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await watchdog.close();
}
