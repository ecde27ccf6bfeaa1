/**
 * Creating and editing with an editor, on a real API server. No operator runs, so nothing becomes Ready and the
 * commands use `--no-wait`.
 */
import { access, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { prepareKon, type Kon, type Result } from './kon.ts';
import { installCrds } from './crds.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const fullAccess = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';

let cluster: TestControlPlane;
let kon: Kon;
let number = 0;
let name = '';

beforeAll(async () => {
  cluster = await startControlPlane();
  kon = await prepareKon({ KUBECONFIG: cluster.kubeconfig });
  await installCrds(cluster, kon);
});

afterAll(async () => {
  await kon?.remove();
  await cluster?.stop();
});

beforeEach(() => {
  number += 1;
  name = `account-${number}`;
});

const manifest = (policies: readonly string[], accountName = name): string =>
  [
    'apiVersion: k11n.dev/v1alpha1',
    'kind: LinkedServiceAccount',
    'metadata:',
    `  name: ${accountName}`,
    'spec:',
    '  aws:',
    '    policyArns:',
    ...policies.map((arn) => `    - ${arn}`),
    '',
  ].join('\n');

const policiesOf = async (account: string): Promise<readonly string[]> => {
  const text = await cluster.kubectl(['get', 'lsa', account, '-o', 'json']);
  return (JSON.parse(text) as { spec: { aws: { policyArns: string[] } } }).spec.aws.policyArns;
};

const exists = async (account: string): Promise<boolean> => {
  const found = await cluster.kubectl(['get', 'lsa', account, '--ignore-not-found', '-o', 'name']);
  return found !== '';
};

/**
 * Writes an editor script. Its Nth call copies the opened file to `seen-N`, and then saves the Nth of the given texts.
 */
const writing = async (...rounds: readonly string[]): Promise<string> => {
  for (const [index, text] of rounds.entries()) await kon.file(`round-${number}-${index + 1}`, text);
  return kon.editor(
    `editor-${number}`,
    [
      `state=${kon.folder}/state-${number}`,
      'n=$(($(cat "$state" 2>/dev/null || echo 0) + 1))',
      'echo "$n" > "$state"',
      `cp "$1" ${kon.folder}/seen-${number}-$n`,
      `if [ -f ${kon.folder}/round-${number}-$n ]; then cp ${kon.folder}/round-${number}-$n "$1"; fi`,
    ].join('\n'),
  );
};

const seen = (round: number): Promise<string> =>
  readFile(join(kon.folder, `seen-${number}-${round}`), 'utf8');

const edit = async (verb: 'create' | 'edit', editor: string, ...args: string[]): Promise<Result> =>
  kon.run(['account', verb, name, '--no-wait', ...args], { env: { KON_EDITOR: editor } });

/** Returns the folders with texts that could not be saved. */
const drafts = async (): Promise<readonly string[]> =>
  (await readdir(kon.folder)).filter((entry) => entry.startsWith('kon-edit-'));

const keptFile = (result: Result): string => /Your text is kept in (\S+)/.exec(result.stderr)?.[1] ?? '';

describe('kon account create', () => {
  it('opens the editor on a commented manifest and creates what is saved', async () => {
    const before = await drafts();
    const result = await edit('create', await writing(manifest([readOnly])));
    expect(result).toEqual({ code: 0, stdout: `linkedserviceaccount/${name} created\n`, stderr: '' });
    expect(await policiesOf(name)).toEqual([readOnly]);
    const template = await seen(1);
    expect(template).toContain(`name: ${name}`);
    expect(template).toContain('# - arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess');
    expect(await drafts()).toEqual(before);
  });

  it('creates the account from the template after the user uncomments the example policy', async () => {
    const editor = await kon.editor(`uncomment-${number}`, `sed -i 's/# - arn:/- arn:/' "$1"`);
    const result = await edit('create', editor);
    expect(result.stderr).toBe('');
    expect(await policiesOf(name)).toEqual([readOnly]);
  });

  it('accepts the name as the value of --account, and fails if the argument and --account differ', async () => {
    const editor = await writing(manifest([readOnly]));
    const created = await kon.run(['account', 'create', '--account', name, '--no-wait'], {
      env: { EDITOR: editor },
    });
    expect(created.code).toBe(0);
    const differing = await kon.run(['account', 'create', name, '--account', 'other', '--policy', readOnly]);
    expect(differing.code).toBe(2);
    expect(differing.stderr).toContain(`two accounts given: "${name}" and --account "other"`);
  });

  it('is cancelled by an unchanged file, with exit code 1 because nothing was created', async () => {
    const result = await edit('create', 'true');
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('edit cancelled, no changes made; the account was not created');
    expect(await exists(name)).toBe(false);
  });

  it('is cancelled by an emptied file', async () => {
    const result = await edit('create', await kon.editor(`empty-${number}`, ': > "$1"'));
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('edit cancelled, the file was empty');
    expect(await exists(name)).toBe(false);
  });

  it('opens the text again, with the reason at the top, until the text is valid', async () => {
    const wrong = `# my own comment\n${manifest(['arn:aws:s3:::bucket', readOnly, readOnly])}`;
    const result = await edit('create', await writing(wrong, manifest([readOnly])));
    expect(result.code).toBe(0);
    const again = await seen(2);
    expect(again.startsWith('#! The text could not be saved:\n')).toBe(true);
    expect(again).toContain('#!   spec.aws.policyArns[0]: "arn:aws:s3:::bucket" is not the ARN');
    expect(again).toContain('#!   spec.aws.policyArns[2]:');
    expect(again.endsWith(wrong)).toBe(true);
    expect(await policiesOf(name)).toEqual([readOnly]);
  });

  it('shows refusals of the API server at the top of the text', async () => {
    const wrong = manifest([readOnly]).replace('  aws:', '  deletionPolice: Retain\n  color: red\n  aws:');
    const result = await edit('create', await writing(wrong, manifest([readOnly])));
    expect(result.code).toBe(0);
    const again = await seen(2);
    expect(again).toContain('#!   spec.color: unknown field\n');
    expect(again).toContain('#!   spec.deletionPolice: unknown field; did you mean deletionPolicy?\n');
  });

  it('names the line of invalid YAML', async () => {
    const result = await edit('create', await writing('spec: [1\nkind: x: y', manifest([readOnly])));
    expect(result.code).toBe(0);
    expect(await seen(2)).toMatch(/^#! {3}line [0-9]+, column [0-9]+: /m);
  });

  it('keeps the text when the user gives up', async () => {
    const wrong = manifest(['nonsense']);
    const result = await edit('create', await writing(wrong));
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('Error: edit cancelled, no valid changes were saved');
    expect(await readFile(keptFile(result), 'utf8')).toContain(wrong);
    expect(await exists(name)).toBe(false);
  });

  it('ends when an editor script keeps writing invalid text', async () => {
    const editor = await kon.editor(`restless-${number}`, 'date +%N >> "$1"; echo "x$$: y" >> "$1"');
    const result = await edit('create', editor);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('no valid changes were saved');
  });

  it('keeps the edited file when the editor fails, and prints the path of that file', async () => {
    const editor = await kon.editor(`failing-${number}`, 'echo "my work" > "$1"; exit 3');
    const result = await edit('create', editor);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('ended with exit code 3');
    expect(await readFile(keptFile(result), 'utf8')).toBe('my work\n');
  });

  it('reports that the configured editor does not exist', async () => {
    const result = await edit('create', '/no/such/editor');
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('the editor "/no/such/editor" (from KON_EDITOR) was not found');
  });

  it('passes the configured arguments to the editor', async () => {
    const editor = await kon.editor(
      `arguments-${number}`,
      `[ "$1" = --wait ] && cp ${await kon.file(`m-${number}`, manifest([readOnly]))} "$2"`,
    );
    expect((await edit('create', `${editor} --wait`)).code).toBe(0);
  });

  it('refuses an invalid name before the editor opens', async () => {
    const result = await kon.run(['account', 'create', 'My_Account'], {
      env: { EDITOR: await kon.editor(`marking-${number}`, `touch ${kon.folder}/opened-${number}`) },
    });
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('invalid name "My_Account" for an account');
    await expect(access(join(kon.folder, `opened-${number}`))).rejects.toThrow('ENOENT');
  });

  it('refuses an existing name before the editor opens, and writes nothing', async () => {
    await edit('create', await writing(manifest([readOnly])));
    const result = await edit(
      'create',
      await kon.editor(`marking-${number}`, `touch ${kon.folder}/opened-${number}`),
    );
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`account "${name}" already exists`);
    expect(result.stderr).toContain(`kon account edit ${name}`);
    await expect(access(join(kon.folder, `opened-${number}`))).rejects.toThrow('ENOENT');
    expect(await policiesOf(name)).toEqual([readOnly]);
  });

  it('keeps the text when another user creates the account meanwhile', async () => {
    const other = await kon.file(`other-${number}.yaml`, manifest([fullAccess]));
    const mine = await kon.file(`mine-${number}.yaml`, manifest([readOnly]));
    const editor = await kon.editor(
      `slow-${number}`,
      `${cluster.kubectlPath} --kubeconfig ${cluster.kubeconfig} create -f ${other} >/dev/null && cp ${mine} "$1"`,
    );
    const result = await edit('create', editor);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`already`);
    expect(await policiesOf(name)).toEqual([fullAccess]);
  });

  it('needs no editor with --policy', async () => {
    const result = await kon.run(
      `account create ${name} --policy ${readOnly} --policy ${fullAccess} --target staging --deletion-policy Retain --no-wait -o json`.split(
        ' ',
      ),
    );
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({
      metadata: { name },
      spec: { targets: ['staging'], aws: { policyArns: [readOnly, fullAccess] }, deletionPolicy: 'Retain' },
    });
  });

  it('needs no editor with -f', async () => {
    const path = await kon.file(`${name}.yaml`, manifest([readOnly]));
    expect((await kon.run(['account', 'create', '-f', path, '--no-wait'])).code).toBe(0);
    const text = manifest([readOnly], `${name}-b`);
    const piped = await kon.run(['account', 'create', '-f', '-', '--no-wait'], { input: text });
    expect(piped.stdout).toBe(`linkedserviceaccount/${name}-b created\n`);
  });

  it('names the required options when there is neither an editor nor a terminal', async () => {
    const result = await kon.run(['account', 'create', name]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('Pass the policies with --policy POLICY, or a manifest with -f FILE.');
  });
});

describe('kon account edit', () => {
  const given = async (...policies: readonly string[]): Promise<void> => {
    await cluster.kubectl(['create', '-f', '-'], manifest(policies));
  };

  it('shows the object without its status and without metadata that the API server maintains', async () => {
    await given(readOnly);
    await edit('edit', await writing(manifest([fullAccess])));
    const shown = await seen(1);
    expect(shown).toContain(readOnly);
    expect(shown).not.toMatch(/managedFields|status:|uid:|resourceVersion|generation/);
    expect(await policiesOf(name)).toEqual([fullAccess]);
  });

  it('is cancelled by an unchanged and by an emptied file, with exit code 0', async () => {
    await given(readOnly);
    const unchanged = await edit('edit', 'true');
    expect(unchanged).toEqual({ code: 0, stdout: '', stderr: 'Edit cancelled, no changes made.\n' });
    const commented = await edit('edit', await kon.editor(`comment-${number}`, 'echo "# hm" >> "$1"'));
    expect(commented.stderr).toBe('Edit cancelled, no changes made.\n');
    const emptied = await edit('edit', await kon.editor(`empty-${number}`, ': > "$1"'));
    expect(emptied).toEqual({ code: 0, stdout: '', stderr: 'Edit cancelled, the file was empty.\n' });
    expect(await policiesOf(name)).toEqual([readOnly]);
  });

  it('opens the editor again when another user has changed the account meanwhile, and shows that change', async () => {
    await given(readOnly);
    const kubectl = `${cluster.kubectlPath} --kubeconfig ${cluster.kubeconfig}`;
    const patch = '{"spec":{"deletionPolicy":"Retain"}}';
    const mine = await kon.file(`mine-${number}.yaml`, manifest([fullAccess]));
    const editor = await kon.editor(
      `slow-${number}`,
      [
        `if [ -f ${kon.folder}/second-${number} ]; then cp "$1" ${kon.folder}/conflict-${number}; printf '  deletionPolicy: Retain\\n' >> "$1"; exit; fi`,
        `touch ${kon.folder}/second-${number}`,
        `${kubectl} patch lsa ${name} --type merge -p '${patch}' >/dev/null && cp ${mine} "$1"`,
      ].join('\n'),
    );
    const result = await edit('edit', editor);
    expect(result.code).toBe(0);
    const again = await readFile(join(kon.folder, `conflict-${number}`), 'utf8');
    expect(again).toContain('#! Another user changed the object in the meantime.');
    expect(again).toContain('#!   spec.deletionPolicy: changed from "Delete" to "Retain"');
    const text = await cluster.kubectl(['get', 'lsa', name, '-o', 'json']);
    expect(JSON.parse(text)).toMatchObject({
      spec: { deletionPolicy: 'Retain', aws: { policyArns: [fullAccess] } },
    });
  });

  it('does not treat a write of the status as a change by another user', async () => {
    await given(readOnly);
    const status = `{"status":{"ready":"0/2"}}`;
    const mine = await kon.file(`mine-${number}.yaml`, manifest([fullAccess]));
    const editor = await kon.editor(
      `slow-${number}`,
      `${cluster.kubectlPath} --kubeconfig ${cluster.kubeconfig} patch lsa ${name} --subresource status --type merge -p '${status}' >/dev/null && cp ${mine} "$1"`,
    );
    expect(await edit('edit', editor)).toMatchObject({
      code: 0,
      stdout: `linkedserviceaccount/${name} edited\n`,
    });
    expect(await policiesOf(name)).toEqual([fullAccess]);
  });

  it('refuses a changed name or kind', async () => {
    await given(readOnly);
    const result = await edit('edit', await writing(manifest([readOnly], 'other'), manifest([fullAccess])));
    expect(result.code).toBe(0);
    expect(await seen(2)).toContain(`#!   metadata.name: expected "${name}", got "other"`);
  });

  it('keeps the fields that it hides: the finalizers, and the annotations that kubectl sets', async () => {
    await cluster.kubectl(['apply', '-f', '-'], manifest([readOnly]));
    await cluster.kubectl([
      'patch',
      'lsa',
      name,
      '--type',
      'merge',
      '-p',
      '{"metadata":{"finalizers":["example.com/x"]}}',
    ]);
    await edit('edit', await writing(manifest([fullAccess])));
    const text = await cluster.kubectl(['get', 'lsa', name, '-o', 'json']);
    const { metadata } = JSON.parse(text) as { metadata: Record<string, Record<string, string>> };
    expect(metadata['finalizers']).toEqual(['example.com/x']);
    expect(Object.keys(metadata['annotations'] ?? {})).toEqual([
      'kubectl.kubernetes.io/last-applied-configuration',
    ]);
  });

  it('sets, adds and removes policies without an editor', async () => {
    await given(readOnly);
    const change = (...args: string[]): Promise<Result> =>
      kon.run(['account', 'edit', name, '--no-wait', ...args]);
    expect((await change('--policy', fullAccess)).stdout).toBe(`linkedserviceaccount/${name} edited\n`);
    expect(await policiesOf(name)).toEqual([fullAccess]);
    await change('--add-policy', readOnly);
    expect(await policiesOf(name)).toEqual([fullAccess, readOnly]);
    expect((await change('--add-policy', readOnly)).stdout).toBe(`linkedserviceaccount/${name} unchanged\n`);
    await change('--remove-policy', fullAccess);
    expect(await policiesOf(name)).toEqual([readOnly]);
    const absent = await change('--remove-policy', fullAccess);
    expect(absent.code).toBe(2);
    expect(absent.stderr).toContain(`the account does not list these policies: ${fullAccess}`);
  });

  it('adds a statement without an editor, and warns of actions in the statement that do not exist, as kon policies lint does', async () => {
    await given(readOnly);
    const queue = 'arn:aws:sqs:eu-west-1:123456789012:orders';
    const change = (...args: string[]): Promise<Result> =>
      kon.run(['account', 'edit', name, '--no-wait', ...args]);
    const added = await change('--allow', 'sqs:SendMessage', '--allow', 'sqs:SendMesage', '--on', queue);
    expect(added.code).toBe(0);
    expect(added.stderr).toContain('‼ statements[0]: sqs:SendMesage is not an action of sqs');
    expect((await change('--allow', 'sqs:GetQueueUrl', '--on', queue)).stderr).not.toContain('statements[1]');
    const text = await cluster.kubectl(['get', 'lsa', name, '-o', 'json']);
    expect((JSON.parse(text) as { spec: { aws: object } }).spec.aws).toMatchObject({
      policyArns: [readOnly],
      statements: [
        { actions: ['sqs:SendMessage', 'sqs:SendMesage'], resources: [queue] },
        { actions: ['sqs:GetQueueUrl'], resources: [queue] },
      ],
    });
    const { stdout: exported } = await kon.run(['account', 'export', name]);
    const linted = await kon.run(['policies', 'lint', '-'], { input: exported });
    expect(linted).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('sqs:SendMesage is not an action of sqs'),
    });
    const everything = exported
      .replaceAll(/- sqs:S[A-Za-z]+/g, "- '*'")
      .replace("- '*'", '')
      .replaceAll(queue, "'*'");
    expect(await kon.run(['policies', 'lint', '-'], { input: everything })).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('the statement allows every action on every resource'),
    });
    expect(await change('--allow', 'sqs:SendMessage')).toMatchObject({ code: 2 });
  });

  it('refuses to change an account that is being deleted', async () => {
    const name = `leaving-${number}`;
    const metadata = { name, finalizers: ['example.com/held'] };
    const object = {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'LinkedServiceAccount',
      metadata,
      spec: { aws: { policyArns: [readOnly] } },
    };
    await cluster.kubectl(['create', '-f', '-'], JSON.stringify(object));
    await cluster.kubectl(['delete', 'lsa', name, '--wait=false']);
    const file = await kon.file(`${name}.yaml`, JSON.stringify({ ...object, metadata: { name } }));
    for (const args of [
      ['account', 'edit', name, '--add-policy', 'arn:aws:iam::aws:policy/AmazonSQSFullAccess'],
      ['account', 'edit', name, '-f', file],
    ]) {
      const result = await kon.run([...args, '--no-wait']);
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toContain(`account "${name}" is being deleted, so it cannot be changed`);
    }
    await cluster.kubectl(['patch', 'lsa', name, '--type=merge', '-p', '{"metadata":{"finalizers":[]}}']);
  });

  it('reports that the account does not exist', async () => {
    const result = await edit('edit', 'true');
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`account "${name}" not found`);
  });
});
