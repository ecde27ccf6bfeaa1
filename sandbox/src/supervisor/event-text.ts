/** Texts that describe the sandbox's events to users. */
import type { SandboxEvent, SandboxStep } from './events.ts';

export type EventText = {
  readonly text: string;
  /** Whether the text describes progress. A progress text is replaced by the next text of the same kind. */
  readonly progress: boolean;
};

const steps: Readonly<Record<SandboxStep, string>> = {
  binaries: 'All programs are installed',
  aws: 'The AWS emulator is ready',
  'api-server': 'The API server is ready',
  crds: 'The CRDs are established',
  node: 'The node is Ready',
  controllers: 'The controllers and the scheduler are running',
  webhook: 'The pod identity webhook is registered',
  operator: 'The operator is in sync with the cluster and AWS',
};

/** Returns the text of an event; undefined for events that users need not see. */
export function eventText(event: SandboxEvent): EventText | undefined {
  const lasting = (text: string): EventText => ({ text, progress: false });
  const passing = (text: string): EventText => ({ text, progress: true });
  switch (event.kind) {
    case 'unfit':
      return lasting(
        `${event.path} is not used: its version is ${event.version}, but ${event.binary} ${event.needed} is required`,
      );
    case 'downloading':
      return passing(
        `Downloading ${event.binary} from ${event.url}${share(event.receivedBytes, event.totalBytes)}`,
      );
    case 'downloaded':
      return lasting(`Downloaded ${event.binary}; its checksum is correct`);
    case 'download-failed':
      return lasting(`${event.binary} could not be downloaded from ${event.url}: ${event.reason}`);
    case 'waiting':
      return lasting(
        `Process ${event.pid} is already installing the programs; waiting until it has finished`,
      );
    case 'building':
      return passing(
        `Building ${event.binary} from source, once: ${event.packages} packages compiled, ${duration(event.elapsedMs)}`,
      );
    case 'built':
      return lasting(`Built ${event.binary} in ${duration(event.elapsedMs)}`);
    case 'cleaned':
      return lasting('Removed the leftovers of a sandbox that was killed');
    case 'part-started':
      return undefined;
    case 'step-done':
      return lasting(`${steps[event.step]} (${duration(event.elapsedMs)})`);
    case 'part-ended':
      return lasting(`A part of the sandbox has ended. ${event.message}`);
    case 'ready':
      return undefined;
    case 'stopping':
      return lasting('Stopping');
  }
}

/** Formats a duration: `4.2 s`, or `1 min 15 s` for 75 s. */
export function duration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function share(received: number, total: number | undefined): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  if (received === 0) return '';
  return total === undefined
    ? `: ${megabytes(received)} MB`
    : `: ${megabytes(received)} of ${megabytes(total)} MB`;
}
