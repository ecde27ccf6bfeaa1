/** Layout of a sandbox's folder: keys, kubeconfig, data, logs, and the record of the process that runs it. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { OuterEnvironment } from '../environment.ts';

export type SandboxPaths = {
  readonly folder: string;
  /** Lock file with the id of the process that runs the sandbox. */
  readonly lock: string;
  /** Record with the address and secret of the process that runs the sandbox. */
  readonly record: string;
  /** Output of the process that runs a detached sandbox. */
  readonly supervisorLog: string;
  /** Kubeconfig of the cluster's administrator. */
  readonly kubeconfig: string;
  /** AWS credentials file whose default profile is the emulator's administrator. */
  readonly awsCredentials: string;
  /** AWS config file with the sandbox's region. */
  readonly awsConfig: string;
  /** Folder with the sandbox's `kubectl`, to be added to PATH. */
  readonly bin: string;
  /** Keys, data and configuration of the sandbox's parts, removed with the sandbox. */
  readonly run: string;
  /** Logs of the sandbox's parts, kept until the next start. */
  readonly logs: string;
};

/** Folder of the sandbox: `--state-dir`, else `KON_SANDBOX_DIR`, else `$XDG_STATE_HOME/konstellation/sandbox`. */
export function sandboxFolder(env: OuterEnvironment, stateDir: string | undefined, cwd: string): string {
  const chosen = stateDir ?? env['KON_SANDBOX_DIR'];
  if (chosen !== undefined && chosen !== '') return resolve(cwd, chosen);
  const state = env['XDG_STATE_HOME'];
  const root =
    state !== undefined && isAbsolute(state) ? state : join(env['HOME'] ?? homedir(), '.local', 'state');
  return join(root, 'konstellation', 'sandbox');
}

export function sandboxPaths(folder: string): SandboxPaths {
  return {
    folder,
    lock: join(folder, 'lock'),
    record: join(folder, 'sandbox.json'),
    supervisorLog: join(folder, 'supervisor.log'),
    kubeconfig: join(folder, 'kubeconfig'),
    awsCredentials: join(folder, 'aws-credentials'),
    awsConfig: join(folder, 'aws-config'),
    bin: join(folder, 'bin'),
    run: join(folder, 'run'),
    logs: join(folder, 'logs'),
  };
}
