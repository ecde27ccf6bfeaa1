/** Chooses the editor and runs it. */
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { errorMessage } from '../../../k8s/errors.ts';

export type EditorChoice =
  | { readonly kind: 'editor'; readonly command: string; readonly from: string }
  /** There is no terminal, and no variable names an editor. */
  | { readonly kind: 'none' };

/** Variables in order of precedence. The first variable sets an editor for `kon` alone. */
const editorVariables = ['KON_EDITOR', 'VISUAL', 'EDITOR'] as const;

/**
 * Chooses the editor. An editor from a variable is used even without a terminal, as in kubectl and git, because it can
 * be a script. The fallback `vi` is used only on a terminal.
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

/** Whether the terminal supports interactive questions, which redraw the screen and are answered with single keys. */
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

/**
 * Runs the editor's command in a shell, as git and kubectl do, because the command can contain arguments and quotes
 * (`code --wait`).
 */
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
