/** Runs the AWS emulator, configured from the command line or from a file that the sandbox wrote. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { CliContext } from '../../../framework/context.ts';
import { CliError, usageError } from '../../../framework/errors.ts';
import { loadSandbox, type Sandbox } from '../engine.ts';
import { renderValue } from '../../../framework/output/data.ts';
import { isData } from '../../../framework/output/format.ts';

type AwsInput = {
  readonly port: number;
  readonly accountId: string;
  readonly region: string;
  readonly issuer: string | undefined;
  readonly issuerKeys: string | undefined;
  readonly issuerCa: string | undefined;
  readonly settings: string | undefined;
};

export async function aws(context: CliContext, input: AwsInput): Promise<void> {
  const loaded = await (await loadSandbox()).loadEmulator();
  const emulator = await listening(input.port, () =>
    input.settings === undefined
      ? alone(context, loaded, input)
      : ofSandbox(context, loaded, input.port, input.settings),
  );
  if (!context.signal.aborted) await once(context.signal, 'abort');
  await emulator.close();
}

type Emulator = Awaited<ReturnType<Sandbox['loadEmulator']>>;
type Closable = { readonly close: () => Promise<void> };

async function alone(
  context: CliContext,
  { startStandaloneEmulator }: Emulator,
  input: AwsInput,
): Promise<Closable> {
  const { port, accountId, region, issuer, issuerKeys, issuerCa } = input;
  if (!/^\d{12}$/.test(accountId))
    throw usageError(`"${accountId}" is not an AWS account ID, which has twelve digits`);
  if ((issuer === undefined) !== (issuerKeys === undefined))
    throw usageError('--issuer and --issuer-keys must be used together');
  const emulator = await startStandaloneEmulator({
    port,
    accountId,
    region,
    issuers: issuer === undefined || issuerKeys === undefined ? [] : [{ issuer, keys: issuerKeys }],
    ...(issuerCa === undefined ? {} : { issuerCa: await read(issuerCa) }),
    now: context.now,
    randomBytes,
    onError: writeError(context),
  });
  const { url, environment } = emulator;
  const exports = Object.entries<string>(environment).map(([name, value]) => `export ${name}='${value}'\n`);
  context.stdout.write(
    isData(context.format)
      ? renderValue({ endpoint: url, accountId, region, env: environment }, context.format)
      : `AWS account ${accountId} is served at ${url}; in another shell:\n\n${exports.join('')}\nCtrl-C stops it.\n`,
  );
  return emulator;
}

async function ofSandbox(
  context: CliContext,
  { emulatorSettings, startConfiguredEmulator }: Emulator,
  port: number,
  file: string,
): Promise<Closable> {
  const parsed = emulatorSettings.safeParse(JSON.parse(await read(file)));
  if (!parsed.success) {
    throw new CliError('MANIFEST_UNREADABLE', `${file} is not a valid emulator configuration`, {
      details: [z.prettifyError(parsed.error)],
    });
  }
  return startConfiguredEmulator({
    settings: parsed.data,
    port,
    now: context.now,
    onError: writeError(context),
  });
}

async function listening<T>(port: number, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new CliError('SANDBOX_FAILED', `port ${port} of 127.0.0.1 is in use`, {
      cause: error,
      next: ['Choose another port, or 0 for any free one.'],
    });
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError('MANIFEST_UNREADABLE', `${file} cannot be read`, {
      cause: error,
      details: [String(error)],
    });
  }
}

function writeError(context: CliContext): (error: unknown) => void {
  return (error) =>
    context.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
}
