/**
 * Third-party programs that tests start: Python packages in a virtual environment of this repository, and Go programs
 * that are built here.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findGo } from '../../../sandbox/src/binaries/go-build.ts';
import { errorMessage } from '../../../src/k8s/errors.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../..');
const environment = join(root, '.venv');
const requirements = join(import.meta.dirname, 'requirements.txt');
const stamp = join(environment, 'requirements.sha256');

type Say = (line: string) => void;

/** Folder of the programs that `requirements.txt` installs: moto_server, aws, python. Call `ensurePython` first. */
export const pythonPrograms = join(environment, 'bin');

/**
 * Environment variables that pip and its connection to a package index may need. AWS and Python variables are left out.
 */
const forPip =
  /^(?:PATH|HOME|LANG|LC_ALL|TMPDIR|PIP_.*|(?:https?|all|no)_proxy|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE)$/i;

/** Creates the virtual environment, unless it already exists with the packages in `requirements.txt`. */
export async function ensurePython(say: Say = () => {}): Promise<void> {
  const wanted = digestOf(await readFile(requirements));
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === wanted) return;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => forPip.test(name)));
  say('creating a Python environment for moto, boto3 and the AWS CLI in .venv');
  await rm(environment, { recursive: true, force: true });
  await explain(
    run('python3', ['-m', 'venv', environment], { env }),
    'moto needs Python 3.10 or newer with its venv module; install it (Debian, Ubuntu: apt install python3-venv)',
  );
  say('installing moto, boto3 and the AWS CLI');
  const options = ['install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  await explain(
    run(join(pythonPrograms, 'pip'), options, { env }),
    'the Python packages of the tests could not be installed; is a Python package index within reach?',
  );
  await writeFile(stamp, wanted);
}

/** Folders of the Go programs, and the module that each program tests. */
const goPrograms = { go: 'aws-sdk-go-v2', kstatus: 'kstatus' } as const;

/**
 * Builds `main.go` in a folder, unless it has already been built.
 * @returns path of the program
 */
export async function ensureGoProgram(
  name: keyof typeof goPrograms = 'go',
  say: Say = () => {},
): Promise<string> {
  const source = join(import.meta.dirname, name);
  const module = goPrograms[name];
  const files = await Promise.all(
    ['go.mod', 'go.sum', 'main.go'].map((file) => readFile(join(source, file))),
  );
  const folder = join(root, 'node_modules', '.cache', 'konstellation');
  const program = join(folder, `${name}-${digestOf(Buffer.concat(files)).slice(0, 16)}`);
  if (existsSync(program)) return program;
  const go = findGo(process.env);
  if (go === undefined)
    throw new Error(`${module} is tried with a program that Go builds: install Go 1.26 or newer`);
  say(`building a program on ${module}`);
  await mkdir(folder, { recursive: true });
  const part = `${program}.${process.pid}`;
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' };
  await explain(
    run(go, ['build', '-trimpath', '-buildvcs=false', '-o', part, '.'], { cwd: source, env }),
    `the program on ${module} could not be built; is a Go module proxy within reach?`,
  );
  await rename(part, program);
  return program;
}

const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

async function explain(command: Promise<unknown>, advice: string): Promise<void> {
  try {
    await command;
  } catch (error) {
    throw new Error(`${advice}\n${errorMessage(error)}`, { cause: error });
  }
}
