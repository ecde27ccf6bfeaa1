/** Streams of pods: logs, programs in containers, and connections to ports. */
export { openExec, type ExecEnd, type ExecSession, type TerminalSize } from './exec.ts';
export { createLogReader, type LogReader, type LogRequest } from './logs.ts';
export { openPortForward, type ForwardedConnection } from './port-forward.ts';
