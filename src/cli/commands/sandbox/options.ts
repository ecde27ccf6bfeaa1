import type { Options } from '../../framework/command.ts';

export const stateDirOption = {
  'state-dir': {
    value: 'FOLDER',
    summary: 'folder of the sandbox (default: $KON_SANDBOX_DIR, or ~/.local/state/konstellation/sandbox)',
    complete: 'files',
  },
} as const satisfies Options;
