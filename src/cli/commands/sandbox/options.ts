import type { Option } from '../../framework/command.ts';

export const stateDirOption = {
  name: 'state-dir',
  value: 'FOLDER',
  summary:
    'where the sandbox keeps everything; $KON_SANDBOX_DIR, else ~/.local/state/konstellation/sandbox when absent',
  complete: 'files',
} as const satisfies Option;
