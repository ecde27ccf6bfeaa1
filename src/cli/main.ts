/** Runs the command line once, from arguments to an exit code. This is the only place that reports errors. */
import { createSession } from './cluster/session.ts';
import type { CliContext, GlobalOptions, Host, Output, OutputStream } from './framework/context.ts';
import type { ErrorCode } from './framework/error-meanings.ts';
import { CliError } from './framework/errors.ts';
import { exitCodes, type ExitCode } from './framework/exit-codes.ts';
import { parseCommandLine } from './framework/program.ts';
import { commandGroups, commands } from './registry.ts';
import { version } from './version.ts';

export async function main(argv: readonly string[], host: Host): Promise<ExitCode> {
  const unparsed = { output: undefined, color: !argv.includes('--no-color'), verbose: false };
  const invocation = await attempt(host, unparsed, async () => {
    const vocabulary = { commands, groups: commandGroups };
    const parsed = await parseCommandLine(argv, vocabulary, version, host.stdout.columns);
    if (parsed.kind === 'run') await checkTemplate(parsed.global);
    return parsed;
  });
  if (typeof invocation === 'number') return invocation;
  if (invocation.kind === 'text') {
    host.stdout.write(invocation.text);
    return exitCodes.ok;
  }
  if (invocation.kind === 'incomplete') {
    host.stderr.write(invocation.text);
    return exitCodes.usage;
  }
  const { command, input, global } = invocation;
  if (command.mutates) host.continueWithoutReader();
  const debug = (text: string): void => {
    if (global.verbose) host.stderr.write(`${text}\n`);
  };
  const session = createSession(host.env, global, debug);
  const context: CliContext = {
    ...host,
    stdout: withColor(host.stdout, host.env, global.color),
    stderr: withColor(host.stderr, host.env, global.color),
    global,
    format: global.output ?? command.formats?.[0] ?? 'table',
    template: global.template ?? '',
    connection: session.connection,
    connect: session.connect,
    debug,
  };
  try {
    return (
      (await attempt(host, global, () => command.run(context, input), command.isQuestion)) ?? exitCodes.ok
    );
  } finally {
    await session.close();
  }
}

/** @throws CliError of code USAGE for an invalid template of `--output` */
async function checkTemplate({ output, template = '' }: GlobalOptions): Promise<void> {
  if (output === 'jsonpath') (await import('./framework/output/json-path.ts')).parseTemplate(template);
  if (output === 'custom-columns')
    (await import('./framework/output/custom-columns.ts')).customColumns(template);
}

type ErrorStyle = Pick<GlobalOptions, 'output' | 'color' | 'verbose'>;

/** Error codes without a hint to `kon explain`, because the message explains them in full. */
const selfExplanatory: ReadonlySet<ErrorCode> = new Set(['USAGE', 'INTERRUPTED']);

/** Runs the command. If the command fails, reports the error on stderr and returns the exit code. */
async function attempt<T>(
  host: Host,
  telling: ErrorStyle,
  act: () => Promise<T>,
  isQuestion = false,
): Promise<T | ExitCode> {
  try {
    return await act();
  } catch (error) {
    const { Declined } = await import('./framework/confirm.ts');
    if (error instanceof Declined) {
      host.stderr.write(`${error.message}\n`);
      return exitCodes.error;
    }
    const { renderError } = await import('./framework/output/error.ts');
    const { explain } = await import('./framework/explain.ts');
    const explained =
      host.signal.aborted && !(error instanceof CliError)
        ? new CliError('INTERRUPTED', 'interrupted')
        : isQuestion
          ? unanswered(explain(error))
          : explain(error);
    const { color } = withColor(host.stderr, host.env, telling.color);
    const json = telling.output === 'json';
    const { explainCommand } = await import('./commands/explain/codes.ts');
    const explains = json || (host.stderr.isTTY && !selfExplanatory.has(explained.code));
    const hint = explains ? explainCommand(explained) : undefined;
    host.stderr.write(renderError(explained, { json, color, cause: telling.verbose, explain: hint }));
    return explained.exitCode;
  }
}

/** Changes exit code 1 to 3, because exit code 1 of a command that answers a question means "no". */
function unanswered(error: CliError): CliError {
  const { code, message, details, next, reason, cause, exitCode } = error;
  if (exitCode !== exitCodes.error) return error;
  return new CliError(code, message, { details, next, reason, cause, exitCode: exitCodes.notCompared });
}

/** Enables colour on terminals only. Any non-empty value of NO_COLOR disables it: https://no-color.org */
function withColor(stream: OutputStream, env: Host['env'], wanted: boolean): Output {
  const redraws = stream.isTTY && env['TERM'] !== 'dumb';
  return {
    write: (text) => stream.write(text),
    isTTY: stream.isTTY,
    columns: stream.columns,
    color: wanted && redraws && !env['NO_COLOR'],
    redraws,
  };
}
