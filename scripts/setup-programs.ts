/**
 * Installs every program that the tests start: the parts of the sandbox, helm, crane, actionlint, hclfmt, moto, the AWS CLI,
 * boto3 and a program built with aws-sdk-go-v2. The first run on a machine takes minutes, which is longer than the timeout of a
 * test. Does nothing if all programs exist.
 */
import { binaries, type BinaryName } from '../sandbox/src/binaries/parts.ts';
import { resolveBinaries } from '../sandbox/src/binaries/resolve.ts';
import { startWatchdog } from '../sandbox/src/processes/watchdog.ts';
import { eventDisplay } from '../sandbox/src/supervisor/event-display.ts';
import { ensureGoProgram, ensurePython } from '../test/support/sdks/programs.ts';
import { monotonicClock } from '../src/k8s/testing/clocks.ts';

const { stdout } = process;
const report = eventDisplay(
  {
    write: (text) => void stdout.write(text),
    isTTY: stdout.isTTY,
    columns: stdout.columns,
  },
  monotonicClock,
);
const watchdog = await startWatchdog();
try {
  const names = Object.keys(binaries) as BinaryName[];
  const found = await resolveBinaries(names, { env: process.env, now: monotonicClock, report, watchdog });
  for (const name of names) console.log(`${name} ${found[name].version}: ${found[name].path}`);
  await ensurePython((line) => console.log(line));
  await ensureGoProgram('go', (line) => console.log(line));
  await ensureGoProgram('kstatus', (line) => console.log(line));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await watchdog.close();
}
