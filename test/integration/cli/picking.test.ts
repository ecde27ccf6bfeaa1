/** Choosing policies on a real pseudo-terminal, key by key, and completing policy names. */
import { CreatePolicyCommand } from '@aws-sdk/client-iam';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountId, startAwsCluster, type AwsCluster } from './aws-cluster.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const own = `arn:aws:iam::${accountId}:policy/team/payments-ledger`;
const keys = { tab: '\t', enter: '\r', escape: '\u001B', backspace: '\u007F', interrupt: '\u0003' } as const;

let world: AwsCluster;

beforeAll(async () => {
  world = await startAwsCluster();
  await world.startOperator();
  await world.configure(['production']);
  await world.iam.send(
    new CreatePolicyCommand({
      PolicyName: 'payments-ledger',
      Path: '/team/',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' },
      }),
    }),
  );
});

afterAll(() => world?.stop());

const exists = async (name: string): Promise<boolean> =>
  (await world.cluster.kubectl(['get', 'lsa', name, '--ignore-not-found', '-o', 'name'])) !== '';

const policiesOf = async (name: string): Promise<readonly string[]> => {
  const text = await world.cluster.kubectl(['get', 'lsa', name, '-o', 'json']);
  return (JSON.parse(text) as { spec: { aws: { policyArns: string[] } } }).spec.aws.policyArns;
};

describe('the policy prompt of kon account create', () => {
  it('finds AWS managed policies and policies of the AWS account by parts of a name, and creates an account with the chosen policies', async () => {
    const terminal = world.kon.terminal('account create chosen --no-wait', { env: { TERM: 'xterm' } });
    await terminal.until('Policies of account "chosen"');
    terminal.type('s3roa');
    // The best match gets the focus, regardless of where the focus was before.
    terminal.type(keys.tab);
    terminal.type(keys.backspace.repeat(5));
    terminal.type('ledger');
    await terminal.until('payments-ledger (your own)');
    terminal.type(keys.tab);
    terminal.type(keys.enter);
    const { code, screen } = await terminal.finished;
    // The names of the chosen policies are shown both during the selection and after it.
    expect(stripVTControlCharacters(screen)).toContain('Chosen: AmazonS3ReadOnlyAccess, payments-ledger');
    expect(screen).toContain('Policies: AmazonS3ReadOnlyAccess, payments-ledger (your own)');
    expect(screen).toContain('linkedserviceaccount/chosen created');
    expect(code).toBe(0);
    expect(await policiesOf('chosen')).toEqual([readOnly, own]);
  });

  it('takes the highlighted policy on Enter', async () => {
    const terminal = world.kon.terminal('account create highlighted --no-wait', { env: { TERM: 'xterm' } });
    await terminal.until('Policies of');
    terminal.type('s3roa');
    await terminal.until('Enter: create the account with AmazonS3ReadOnlyAccess');
    terminal.type(keys.enter);
    expect((await terminal.finished).code).toBe(0);
    expect(await policiesOf('highlighted')).toEqual([readOnly]);
  });

  it('opens the editor when no policy was chosen', async () => {
    const editor = await world.kon.editor('uncomment', `sed -i 's/# - arn:/- arn:/' "$1"`);
    const terminal = world.kon.terminal('account create written --no-wait', {
      env: { TERM: 'xterm', EDITOR: editor },
    });
    await terminal.until('choose none to use an editor');
    terminal.type(keys.enter);
    expect((await terminal.finished).code).toBe(0);
    expect(await policiesOf('written')).toEqual([readOnly]);
  });

  it.each([
    ['Escape', keys.escape],
    ['Ctrl-C', keys.interrupt],
  ])('creates nothing after %s, and restores the terminal', async (_name, key) => {
    const terminal = world.kon.terminal('account create never', { env: { TERM: 'xterm' } });
    await terminal.until('Policies of');
    terminal.type(key);
    const { code, screen } = await terminal.finished;
    expect(screen).toContain('no policy was chosen; the account was not created');
    expect(code).toBe(130);
    // The cursor is shown again.
    expect(screen.lastIndexOf('\u001B[?25h')).toBeGreaterThan(screen.lastIndexOf('\u001B[?25l'));
    expect(await exists('never')).toBe(false);
  });

  it('offers only AWS managed policies to users without the right to list the policies of the AWS account', async () => {
    const terminal = world.kon.terminal('account create limited --no-wait', {
      env: { TERM: 'xterm', ...world.nobodyEnv },
    });
    await terminal.until('Policies of');
    terminal.type('ledger');
    await terminal.until('No policy matches');
    // Enter does not open an editor; it keeps the text.
    terminal.type(keys.enter);
    terminal.type('s');
    await terminal.until('Search: ledgers_');
    terminal.type(keys.backspace.repeat('ledgers'.length));
    terminal.type(keys.escape);
    expect((await terminal.finished).code).toBe(130);
  });

  it('is skipped without a terminal, on a dumb terminal, or when policies are given', async () => {
    const piped = await world.kon.run(['account', 'create', 'piped']);
    expect(piped.code).toBe(2);
    expect(piped.stderr).toContain('Pass the policies with --policy POLICY');
    const given = await world.kon.onTerminal(`account create given --policy ${readOnly} --no-wait`, {
      env: { TERM: 'xterm' },
    });
    expect(given.screen.trim()).toBe('linkedserviceaccount/given created');
    const dumb = await world.kon.onTerminal('account create dumb --no-wait', {
      env: { TERM: 'dumb', EDITOR: 'true' },
    });
    expect(dumb.screen).toContain('edit cancelled, no changes made');
  });
});

describe('completion of policies', () => {
  const complete = async (...words: string[]): Promise<readonly string[]> => {
    const { stdout } = await world.kon.run(['__complete', '--', ...words], {
      env: { KON_COMPLETION_TIMEOUT: '30s' },
    });
    return stdout.split('\n').flatMap((line) => line.split('\t')[0] || []);
  };

  it('offers attached policies, and AWS managed policies that begin with the typed text', async () => {
    expect(await complete('account', 'create', 'x', '--policy', '')).toEqual(expect.arrayContaining([own]));
    const offered = await complete(
      'account',
      'create',
      'x',
      '--policy',
      'arn:aws:iam::aws:policy/AmazonS3Re',
    );
    expect(offered).toContain(readOnly);
    expect(offered).not.toContain('arn:aws:iam::aws:policy/AmazonSQSFullAccess');
    const china = await complete(
      'account',
      'edit',
      'x',
      '--add-policy=arn:aws-cn:iam::aws:policy/AmazonS3Re',
    );
    expect(china).toContain('--add-policy=arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess');
  });
});
