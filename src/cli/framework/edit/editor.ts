/** Which editor to open, and how. */
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { errorMessage } from '../../../k8s/errors.ts';

export type EditorChoice =
  | { readonly kind: 'editor'; readonly command: string; readonly from: string }
  /** No terminal, and no editor that was asked for by name. */
  | { readonly kind: 'none' };

/** In this order. The first is for those who want another editor here than elsewhere. */
const editorVariables = ['KON_EDITOR', 'VISUAL', 'EDITOR'] as const;

/**
 * An editor that is set is used even without a terminal, as kubectl and git do: a script may be one. The fallback is
 * used on a terminal only, where someone sees it.
 */
export function chooseEditor(env: CliContext['env'], onTerminal: boolean): EditorChoice {
  for (const from of editorVariables) {
    const command = env[from]?.trim();
    if (command) return { kind: 'editor', command, from };
  }
  return onTerminal ? { kind: 'editor', command: 'vi', from: 'the fallback' } : { kind: 'none' };
}

export function isOnTerminal(context: CliContext): boolean {
  return context.stdin.isTTY && (context.stdout.isTTY || context.stderr.isTTY);
}

/** Whether a question can be asked that is drawn on the screen and answered by single keys. */
export function isPromptable(context: CliContext): boolean {
  return context.stdin.isTTY && context.stderr.redraws;
}

/** @throws CliError of code EDITOR_FAILED */
export async function openEditor(
  context: CliContext,
  editor: Extract<EditorChoice, { kind: 'editor' }>,
  path: string,
): Promise<void> {
  const problem = await runEditor(context, editor.command, path);
  if (problem)
    throw new CliError('EDITOR_FAILED', `the editor "${editor.command}" (from ${editor.from}) ${problem}`, {
      next: ['Choose another editor: KON_EDITOR=nano', 'Or pass the manifest as a file: -f FILE'],
    });
}

/** The command may have arguments and quotes (`code --wait`), so a shell reads it, as with git and kubectl. */
async function runEditor(context: CliContext, command: string, path: string): Promise<string | undefined> {
  try {
    const { code, signal } = await context.spawn('sh', ['-c', `${command} "$@"`, command, path], {
      env: context.env,
      cwd: context.cwd,
    });
    if (signal) return `was ended by ${signal}`;
    if (code === 127) return 'was not found';
    return code === 0 ? undefined : `ended with exit code ${code}`;
  } catch (error) {
    return `could not be started: ${errorMessage(error)}`;
  }
}
