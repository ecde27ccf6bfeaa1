/** What goes on until one of the sides ends it: logs, programs in containers, and connections to ports of pods. */
export { openExec, type ExecEnd, type ExecSession, type TerminalSize } from './exec.ts';
export { createLogReader, type LogReader, type LogRequest } from './logs.ts';
export { openPortForward, type ForwardedConnection } from './port-forward.ts';
