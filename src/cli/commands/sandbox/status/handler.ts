/** `kon sandbox status` and `env`: print the state of a sandbox, and its environment variables. */
import type { CliContext } from '../../../framework/context.ts';
import { type ExitCode, exitCodes } from '../../../framework/exit-codes.ts';
import { renderFields } from '../../../objects/details.ts';
import { renderValue } from '../../../framework/output/data.ts';
import { isData } from '../../../framework/output/format.ts';
import { renderTable } from '../../../framework/output/table.ts';
import {
  loadSandbox,
  runningSandbox,
  type PartStatus,
  type Sandbox,
  type SandboxDescription,
} from '../engine.ts';

export async function status(context: CliContext, stateDir: string | undefined): Promise<ExitCode> {
  const sandbox = await loadSandbox();
  const folder = sandbox.sandboxFolder(context.env, stateDir, context.cwd);
  const description = await sandbox.sandboxStatus(folder);
  if (description === undefined) {
    context.stdout.write(
      isData(context.format)
        ? renderValue({ state: 'stopped', folder }, context.format)
        : `No sandbox runs in ${folder}.\n`,
    );
    return exitCodes.error;
  }
  context.stdout.write(describe(context, description, sandbox));
  return description.state === 'running' ? exitCodes.ok : exitCodes.error;
}

export async function printEnvironment(context: CliContext, stateDir: string | undefined): Promise<void> {
  const sandbox = await loadSandbox();
  const description = await runningSandbox(sandbox, context, stateDir);
  context.stdout.write(sandbox.shellCommands(description, context.env));
}

/** Renders the description of a sandbox in the output format of the command. */
export function describe(
  context: CliContext,
  description: SandboxDescription,
  { shellEnvironment }: Sandbox,
): string {
  const { credentials: _inEnv, nodeCredentials: _ofNobody, ...shown } = description;
  if (isData(context.format))
    return renderValue({ ...shown, env: shellEnvironment(description, context.env) }, context.format);
  return `${renderFields([
    ['Sandbox', `${description.name}, ${description.state}`],
    ['Started', description.startedAt],
    ['API server', description.server],
    ['AWS', `${description.awsEndpoint} (account ${description.accountId}, ${description.region})`],
    ['Issuer', description.issuer],
    ['Kubeconfig', description.kubeconfig],
  ])}\n${renderTable(partColumns, description.parts, { output: context.stdout, format: context.format })}`;
}

const partColumns = [
  { header: 'PART', value: ({ name }: PartStatus) => name },
  { header: 'STATE', value: partState },
  { header: 'VERSION', value: ({ version }: PartStatus) => version },
  { header: 'PID', value: ({ pid }: PartStatus) => String(pid) },
  {
    header: 'MEMORY',
    value: ({ rssBytes }: PartStatus) => String(rssBytes),
    short: ({ rssBytes }: PartStatus) => `${(rssBytes / 1024 / 1024).toFixed(0)} MiB`,
  },
  { header: 'LOG', value: ({ log }: PartStatus) => log, wide: true as const },
];

function partState({ running, exit }: PartStatus): string {
  if (running) return 'running';
  if (exit === undefined) return 'ended';
  return exit.signal === null ? `ended with ${exit.code}` : `ended by ${exit.signal}`;
}
