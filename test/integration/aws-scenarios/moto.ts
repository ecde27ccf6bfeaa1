/**
 * A pinned moto in a virtual environment of this repository, and a server of it on loopback: the second opinion on how
 * AWS answers.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { errorMessage } from '../../../src/k8s/errors.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../..');
const environment = join(root, '.venv');
const requirements = join(import.meta.dirname, 'requirements.txt');
const stamp = join(environment, 'requirements.sha256');

/** Settings of pip and of the network that a person needs to reach a package index; nothing of AWS, nothing of Python. */
const forPip =
  /^(?:PATH|HOME|LANG|LC_ALL|TMPDIR|PIP_.*|(?:https?|all|no)_proxy|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE)$/i;

/** Makes the virtual environment unless it is there and has what `requirements.txt` says. Quick when it is. */
export async function ensureMoto(say: (line: string) => void = () => {}): Promise<void> {
  const wanted = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === wanted) return;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => forPip.test(name)));
  say('making a Python environment for moto in .venv');
  await rm(environment, { recursive: true, force: true });
  await explain(
    run('python3', ['-m', 'venv', environment], { env }),
    'moto needs Python 3.10 or newer with its venv module; install it (Debian, Ubuntu: apt install python3-venv)',
  );
  say('installing moto');
  await explain(
    run(
      join(environment, 'bin/pip'),
      ['install', '--quiet', '--disable-pip-version-check', '-r', requirements],
      {
        env,
      },
    ),
    'moto could not be installed; is a Python package index within reach?',
  );
  await writeFile(stamp, wanted);
}

async function explain(command: Promise<unknown>, advice: string): Promise<void> {
  try {
    await command;
  } catch (error) {
    throw new Error(`${advice}\n${errorMessage(error)}`, { cause: error });
  }
}

export type RunningMoto = { readonly endpoint: string; readonly stop: () => Promise<void> };

/** Starts a moto of its own on a free port of 127.0.0.1. `ensureMoto` must have been called. */
export async function startMoto(): Promise<RunningMoto> {
  const child = spawn(join(environment, 'bin/moto_server'), ['-H', '127.0.0.1', '-p', '0'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      MOTO_IAM_LOAD_MANAGED_POLICIES: 'true',
      PYTHONDONTWRITEBYTECODE: '1',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
  };
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    const address = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (address === undefined) continue;
    // Its log of every request would fill the pipe.
    child.stderr.resume();
    return { endpoint: address, stop };
  }
  await stop();
  throw new Error(`moto ended before it listened:\n${said.join('\n')}`);
}
