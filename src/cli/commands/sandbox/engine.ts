/**
 * Loads the sandbox package. Only this module of the product may import the package (scripts/check-layers.ts). The bundle in the
 * operator's image does not contain the package.
 */
import type * as Package from '../../../../sandbox/src/index.ts';
import type { CliContext } from '../../framework/context.ts';
import { version } from '../../version.ts';
import { CliError } from '../../framework/errors.ts';
import type { Options } from '../../framework/command.ts';

export type { PartStatus, SandboxDescription, TourReport } from '../../../../sandbox/src/index.ts';

export type Sandbox = typeof Package;

/** @throws CliError of code SANDBOX_MISSING in a build without the sandbox */
export async function loadSandbox(): Promise<Sandbox> {
  try {
    return await import('../../../../sandbox/src/index.ts');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new CliError('SANDBOX_MISSING', 'this build has no sandbox', {
      details: ['The image of the operator contains neither the sandbox nor the AWS emulator.'],
      next: ['Run kon from its npm package, its single-file executable or a checkout.'],
      cause: error,
    });
  }
}

/**
 * Loads the sandbox package, runs `act` with it, and converts the package's errors into errors of the command line.
 *
 * @throws CliError of code SANDBOX_FAILED, with the first line of the error as message and the other lines as details
 */
export async function withSandbox<T>(act: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  const sandbox = await loadSandbox();
  try {
    return await act(sandbox);
  } catch (error) {
    if (!(error instanceof sandbox.SandboxError)) throw error;
    const [message = '', ...details] = error.message.split('\n');
    throw new CliError('SANDBOX_FAILED', message.replace(/:$/, ''), {
      details,
      next:
        error instanceof sandbox.NoFolderError
          ? [
              'Choose another folder: --state-dir FOLDER or $KON_SANDBOX_DIR for the sandbox, $XDG_CACHE_HOME for its programs.',
            ]
          : [],
      cause: error,
    });
  }
}

/** Returns the start options that `kon sandbox up` and `kon sandbox tour` have in common. */
export function startOptions(context: CliContext, sandbox: Sandbox, stateDir: string | undefined) {
  const { env, now, monotonic, random, self, signal } = context;
  return {
    folder: sandbox.sandboxFolder(env, stateDir, context.cwd),
    env,
    now,
    monotonic,
    random,
    self,
    version,
    signal,
    report: sandbox.eventDisplay(context.stderr, monotonic),
  };
}

/** @throws CliError of code SANDBOX_NOT_RUNNING */
export async function runningSandbox(
  { sandboxFolder, sandboxStatus }: Sandbox,
  { env, cwd }: CliContext,
  stateDir: string | undefined,
): Promise<Package.SandboxDescription> {
  const folder = sandboxFolder(env, stateDir, cwd);
  const description = await sandboxStatus(folder);
  if (description !== undefined) return description;
  throw new CliError('SANDBOX_NOT_RUNNING', `no sandbox runs in ${folder}`, {
    next: ['Start a sandbox: kon sandbox up --detach'],
  });
}

export const stateDirOption = {
  'state-dir': {
    value: 'FOLDER',
    summary: 'folder of the sandbox (default: $KON_SANDBOX_DIR, or ~/.local/state/konstellation/sandbox)',
    complete: 'files',
  },
} as const satisfies Options;
