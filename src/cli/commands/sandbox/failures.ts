/** What the sandbox's engine throws, as errors that `kon` tells. */
import { BinaryMissingError } from '../../../../sandbox/src/binaries/resolve.ts';
import { BuildFailedError } from '../../../../sandbox/src/binaries/go-build.ts';
import { ExecError } from '../../../../sandbox/src/exec/exec.ts';
import { NoFolderError } from '../../../../sandbox/src/make-folder.ts';
import { ChildFailedError } from '../../../../sandbox/src/processes/child.ts';
import { SandboxError } from '../../../../sandbox/src/sandbox.ts';
import { CliError } from '../../framework/errors.ts';

const told = [BinaryMissingError, BuildFailedError, ChildFailedError, ExecError, NoFolderError, SandboxError];

/** Their first line says what happened, the others why. */
export async function tellFailures<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const own = told.find((type) => error instanceof type);
    if (own === undefined || !(error instanceof Error)) throw error;
    const [message = '', ...details] = error.message.split('\n');
    throw new CliError('SANDBOX_FAILED', message.replace(/:$/, ''), {
      details,
      next:
        own === NoFolderError
          ? [
              'Choose another place: --state-dir FOLDER or $KON_SANDBOX_DIR for the sandbox, $XDG_CACHE_HOME for its parts.',
            ]
          : [],
      cause: error,
    });
  }
}

export function notRunning(folder: string): CliError {
  return new CliError('SANDBOX_NOT_RUNNING', `no sandbox runs in ${folder}`, {
    next: ['Start one: kon sandbox up --detach'],
  });
}
