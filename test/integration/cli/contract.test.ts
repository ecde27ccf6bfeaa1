/**
 * The contract of every command, tested with the shipped executable: its help, and its exit code if it is called
 * incorrectly, reaches no cluster, is not authenticated, or lacks permissions. The outcomes are in golden/outcomes.txt
 * for review; `vitest run -u` regenerates this file.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { helpEntry, helpFile, helpPaths } from '../../../scripts/generate/help-texts.ts';
import { loadCommands } from '../../../src/cli/registry.ts';
import { errorMeanings, type ErrorCode } from '../../../src/cli/framework/error-meanings.ts';
import { exitCodeOf } from '../../../src/cli/framework/errors.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { installCrds } from './crds.ts';
import { invocations } from './invocations.ts';
import { prepareKon, type Kon, type Result } from './kon.ts';

const root = resolve(import.meta.dirname, '../../..');
const visible = (await loadCommands()).filter((command) => !command.hidden);
const nameOf = ({ path }: { readonly path: readonly string[] }): string => path.join(' ');

let cluster: TestControlPlane;
let kon: Kon;
let table: ReturnType<typeof invocations>;

beforeAll(async () => {
  [cluster, kon] = await Promise.all([startControlPlane({ audit: false }), prepareKon()]);
  await installCrds(cluster, kon);
  const manifest = await kon.file(
    'account.yaml',
    'apiVersion: k11n.dev/v1alpha1\nkind: LinkedServiceAccount\nmetadata: {name: x}\nspec: {aws: {policyArns: []}}\n',
  );
  await kon.file(
    'config.yaml',
    'apiVersion: k11n.dev/v1alpha1\nkind: ClusterConfig\nmetadata: {name: c}\nspec: {targets: [production], aws: {region: eu-west-1, accountId: "111122223333", clusterName: c}}\n',
  );
  table = invocations(manifest);
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

/** Calls `act` for each element, two at a time, and returns the results in the order of the elements. */
async function each<T, R>(all: readonly T[], act: (one: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < all.length; index = next++) results[index] = await act(all[index]!);
  };
  await Promise.all([worker(), worker()]);
  return results;
}

/** Environment variables that request colour. They must have no effect without a terminal. */
const colourful = { FORCE_COLOR: '3', CLICOLOR_FORCE: '1', TERM: 'xterm-256color', COLORTERM: 'truecolor' };
const withoutAws = { AWS_EC2_METADATA_DISABLED: 'true', AWS_REGION: 'eu-west-1' };

const run = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Result> => {
  const result = await kon.run(args, { env: { ...colourful, ...withoutAws, ...env } });
  expect(`${result.stdout}${result.stderr}`, args.join(' ')).not.toContain('\u001B');
  return result;
};

/** Returns the exit code and the error code, and checks that they match the registry of errors. */
function outcome({ code, stdout, stderr }: Result, name: string): string {
  expect(stdout, `${name} tells failures on stderr`).toBe('');
  const last = stderr.trimEnd().split('\n').at(-1) ?? '';
  const error = last.startsWith('{') ? (JSON.parse(last) as Record<string, unknown>) : undefined;
  if (!error) {
    expect(stderr, name).toMatch(/^Error: .+/m);
    return `${code}`;
  }
  expect(error, name).toMatchObject({ apiVersion: 'cli.k11n.dev/v1', kind: 'Error', exitCode: code });
  expect(error['next'], name).not.toEqual([]);
  expect(Object.keys(errorMeanings), name).toContain(error['code']);
  // Commands that answer a question by exit code 0 or 1 exit with code 3 if they cannot answer it.
  expect([exitCodeOf(error['code'] as ErrorCode), 3], `${name}: ${String(error['code'])}`).toContain(code);
  return `${code} ${String(error['code'])}`;
}

describe('every command', () => {
  it('is in the table of invocations', () => {
    expect(Object.keys(table).toSorted()).toEqual(visible.map(nameOf).toSorted());
  });

  it('has the help text of the golden file', async () => {
    const entries = await each(helpPaths(), async (path) => {
      const result = await run([...path, '--help']);
      expect(result, path.join(' ')).toMatchObject({ code: 0, stderr: '' });
      return helpEntry(path, result.stdout);
    });
    expect(entries.join('\n')).toBe(await readFile(join(root, helpFile), 'utf8'));
  });

  it('exits with code 2 for an unknown option, and names the command that shows help', async () => {
    await each(visible, async (command) => {
      const result = await run([...command.path, '--no-such-option']);
      expect(result, nameOf(command)).toMatchObject({ code: 2, stdout: '' });
      expect(result.stderr).toContain("unknown option '--no-such-option'");
      expect(result.stderr).toContain(`Run: kon ${nameOf(command)} --help`);
    });
  });

  it('exits as golden/outcomes.txt states if the kubeconfig, the cluster, credentials or rights are missing', async () => {
    const kubeconfig = (server: string): string =>
      JSON.stringify({
        'current-context': 'here',
        contexts: ['here', 'other'].map((name) => ({ name, context: { cluster: 'c', user: 'u' } })),
        clusters: [
          {
            name: 'c',
            cluster: {
              server,
              'certificate-authority-data': Buffer.from(cluster.caCertificate).toString('base64'),
            },
          },
        ],
        users: [{ name: 'u', user: { token: 'nonsense' } }],
      });
    const worlds = [
      ['no kubeconfig', join(kon.folder, 'none')],
      ['nobody answers', await kon.file('dead.json', kubeconfig('https://127.0.0.1:1'))],
      ['unknown there', await kon.file('unknown.json', kubeconfig(cluster.server))],
      ['no rights', await cluster.userKubeconfig('stranger')],
    ] as const;
    const reaching = visible.filter((command) => table[nameOf(command)]?.reaches === 'cluster');
    const rows = await each(reaching, async (command) => {
      const name = nameOf(command);
      const json = command.formats?.includes('json') ? ['-o', 'json'] : [];
      const outcomes: string[] = [];
      for (const [world, path] of worlds) {
        const result = await run([...command.path, ...(table[name]?.args ?? []), ...json], {
          KUBECONFIG: path,
        });
        outcomes.push(name === 'doctor' ? `${result.code} (a report)` : outcome(result, `${name}, ${world}`));
      }
      return [name, ...outcomes];
    });
    const all = [['command', ...worlds.map(([world]) => world)], ...rows];
    const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
    const text = all.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    await expect(`${text.join('\n')}\n`).toMatchFileSnapshot('golden/outcomes.txt');
  });

  it('needs no cluster when the table of invocations says so', async () => {
    await each(
      visible.filter((command) => table[nameOf(command)]?.reaches === 'nothing'),
      async (command) => {
        const name = nameOf(command);
        const result = await run([...command.path, ...(table[name]?.args ?? [])]);
        expect(result, name).toMatchObject({ code: 0 });
        expect(result.stdout, name).not.toBe('');
      },
    );
  });
});

describe('a command that lists', () => {
  it('prints tab-separated rows if stdout is not a terminal, and its JSON output contains apiVersion and kind', async () => {
    const env = { KUBECONFIG: cluster.kubeconfig };
    await cluster.kubectl([
      'create',
      '-f',
      join(kon.folder, 'account.yaml'),
      '-f',
      join(kon.folder, 'config.yaml'),
    ]);
    for (const words of [
      ['account', 'list'],
      ['app', 'list'],
      ['target', 'list'],
      ['policies', 'search', 's3'],
    ]) {
      const text = await run(words, env);
      expect(text.code, words.join(' ')).toBe(0);
      const [header = '', ...rows] = text.stdout.trimEnd().split('\n');
      expect(header, words.join(' ')).toMatch(/^[A-Z]+(\t[A-Z]+(?: [A-Z]+)*)+$/);
      for (const row of rows) expect(row.split('\t').length).toBe(header.split('\t').length);
      const json = await run([...words, '-o', 'json'], env);
      expect(JSON.parse(json.stdout), words.join(' ')).toMatchObject({
        apiVersion: expect.stringMatching(/^(v1|cli\.k11n\.dev\/v1)$/),
        kind: expect.stringMatching(/List$/),
      });
    }
  });
});
