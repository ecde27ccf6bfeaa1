/**
 * Runs a pinned program of sandbox/src/binaries with the arguments after its name: `node scripts/run-program.ts crane digest
 * IMAGE`. Installs the program first if it is missing. Exits with the program's exit code.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { binaries, type BinaryName } from '../sandbox/src/binaries/parts.ts';
import { findProgram } from './find-program.ts';

const [name = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(binaries, name)) {
  console.error(`no such program: ${name}; the programs are: ${Object.keys(binaries).join(', ')}`);
  process.exit(2);
}
const child = spawn(await findProgram(name as BinaryName), args, { stdio: 'inherit' });
const [code] = (await once(child, 'exit')) as [number | null];
process.exitCode = code ?? 1;
