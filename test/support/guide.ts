/** Code blocks of a documentation page, and a shell that runs them as a user would. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ensurePython, pythonPrograms } from './sdks/programs.ts';
import type { Finished } from './executable.ts';
import type { TestSandbox } from './sandbox.ts';

const root = resolve(import.meta.dirname, '../..');

export type CodeBlock = {
  /** Heading of the section, without number signs. */
  readonly heading: string;
  /** First word after the opening fence, for example `sh`. */
  readonly language: string;
  readonly text: string;
};

/** @param page path from the root of the repository */
export async function codeBlocks(page: string): Promise<readonly CodeBlock[]> {
  const text = await readFile(join(root, page), 'utf8');
  const blocks: CodeBlock[] = [];
  let heading = '';
  for (const [, title, language, code] of text.matchAll(/^#+ (.+)$|^```(\w*)[^\n]*\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    else blocks.push({ heading, language: language ?? '', text: code ?? '' });
  }
  return blocks;
}

/**
 * Runs a script. The script sees the variables of earlier scripts of this shell, but only those whose assignment began a
 * line.
 */
export type Shell = (script: string) => Promise<Finished>;

/** Creates a shell for the sandbox's administrator, with `kon`, `kubectl` and the stock AWS CLI, in its own folder. */
export async function createShell(sandbox: TestSandbox): Promise<Shell> {
  await ensurePython();
  const folder = join(sandbox.executable.folder, 'shell');
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  const [program, ...leading] = sandbox.executable.kon;
  await writeFile(join(bin, 'kon'), `#!/bin/sh\nexec ${[program, ...leading].join(' ')} "$@"\n`);
  await chmod(join(bin, 'kon'), 0o755);
  await symlink(join(pythonPrograms, 'aws'), join(bin, 'aws'));
  const env = { ...sandbox.env, PATH: `${bin}:${sandbox.env['PATH'] ?? ''}`, HOME: folder };
  const variables = join(folder, 'variables');
  await writeFile(variables, '');
  return (script) => {
    const names = Array.from(script.matchAll(/^([A-Z_]+)=/gm), ([, name = '']) => name);
    const keep = names.map((name) => `printf '${name}=%q\\n' "$${name}" >> ${variables}`);
    const text = [`set -euo pipefail`, `. ${variables}`, script, ...keep].join('\n');
    const child = spawn('bash', ['-c', text], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (data: string) => (stdout += data));
    child.stderr.setEncoding('utf8').on('data', (data: string) => (stderr += data));
    return new Promise((done, fail) => {
      child.once('error', fail);
      child.once('close', (code) => done({ code, stdout, stderr }));
    });
  };
}
