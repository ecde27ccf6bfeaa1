/** Finds the path of a pinned program, and downloads or builds the program if it is missing. Reports progress on stderr. */
import type { BinaryName } from '../sandbox/src/binaries/parts.ts';
import { resolveBinaries } from '../sandbox/src/binaries/resolve.ts';
import { startWatchdog } from '../sandbox/src/processes/watchdog.ts';
import { eventDisplay } from '../sandbox/src/supervisor/event-display.ts';
import { monotonicClock } from '../src/k8s/testing/clocks.ts';

export async function findProgram(name: BinaryName): Promise<string> {
  const { stderr } = process;
  const report = eventDisplay(
    { write: (text) => void stderr.write(text), isTTY: stderr.isTTY, columns: stderr.columns },
    monotonicClock,
  );
  const watchdog = await startWatchdog();
  try {
    const found = await resolveBinaries([name], { env: process.env, now: monotonicClock, report, watchdog });
    return found[name].path;
  } finally {
    await watchdog.close();
  }
}
