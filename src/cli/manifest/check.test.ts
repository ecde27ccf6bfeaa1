import { describe, expect, it } from 'vitest';
import { accountKind } from '../cluster/kinds.ts';
import { checkManifest } from './check.ts';
import { parseText } from './parse.ts';
import { accountTemplate, appTemplate } from './template.ts';

const arn = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const account = (spec: unknown, more: object = {}): object => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name: 'myaccount' },
  spec,
  ...more,
});

const problemsOf = (
  value: unknown,
  expected: Parameters<typeof checkManifest>[1] = {},
): readonly string[] => {
  const checked = checkManifest(value, expected);
  return checked.kind === 'sound' ? [] : checked.problems.map(({ text }) => text);
};

describe('checkManifest', () => {
  it('accepts the manifest of the walkthrough', () => {
    expect(problemsOf(account({ aws: { policyArns: [arn] } }))).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['text', 'hello', 'not a manifest: expected apiVersion, kind, metadata and spec'],
    [
      'another kind',
      { kind: 'Pod' },
      'kind: expected one of LinkedServiceAccount, App, ClusterConfig, got "Pod"',
    ],
    [
      'another version',
      account({ aws: { policyArns: [] } }, { apiVersion: 'v1' }),
      'apiVersion: expected k11n.dev/v1alpha1, got "v1"',
    ],
    ['no metadata', account({ aws: { policyArns: [] } }, { metadata: null }), 'metadata: name is missing'],
    ['no spec', account(undefined), 'spec: is missing'],
    [
      'no list',
      account({ aws: { policyArns: null } }),
      'spec.aws.policyArns: is empty, expected a list ([] for none)',
    ],
    ['a missing list', account({ aws: {} }), 'spec.aws.policyArns: is missing'],
    [
      'text for a list',
      account({ aws: { policyArns: arn } }),
      `spec.aws.policyArns: expected a list, got "${arn}"`,
    ],
    [
      'a malformed ARN',
      account({ aws: { policyArns: ['arn:aws:s3:::b'] } }),
      'spec.aws.policyArns[0]: "arn:aws:s3:::b" is not the ARN of an IAM managed policy, for example arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess',
    ],
    [
      'a duplicate',
      account({ aws: { policyArns: [arn, arn] } }),
      `spec.aws.policyArns[1]: "${arn}" is already listed at spec.aws.policyArns[0]`,
    ],
    [
      'a choice there is not',
      account({ aws: { policyArns: [] }, deletionPolicy: 'Burn' }),
      'spec.deletionPolicy: expected one of Delete, Retain, got "Burn"',
    ],
    [
      'an odd name',
      account({ aws: { policyArns: [] } }, { metadata: { name: 'A' } }),
      'metadata.name: invalid name "A" for an account: use at most 253 lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit',
    ],
    [
      'an odd field of metadata',
      account({ aws: { policyArns: [] } }, { metadata: { name: 'a', lables: {} } }),
      'metadata.lables: unknown field',
    ],
  ])('reports a fault: %s', (_what, value, problem) => {
    expect(problemsOf(value)).toContain(problem);
  });

  it('names unknown fields together with other faults, and otherwise leaves unknown fields to the API server', () => {
    const misspelt = account({ aws: { policyArn: [arn] } });
    expect(problemsOf(misspelt)).toEqual([
      'spec.aws.policyArns: is missing',
      'spec.aws.policyArn: unknown field; did you mean policyArns?',
    ]);
    expect(problemsOf(account({ aws: { policyArns: [arn] }, futureField: 1 }))).toEqual([]);
  });

  it('refuses a manifest with another kind or name than the command expects', () => {
    const value = account({ aws: { policyArns: [] } });
    expect(problemsOf(value, { kind: accountKind, name: 'other' })).toEqual([
      'metadata.name: expected "other", got "myaccount"',
    ]);
    expect(problemsOf({ ...value, kind: 'App' }, { kind: accountKind })).toEqual([
      'kind: expected LinkedServiceAccount, got "App"',
    ]);
  });

  it('finds duplicate keys of keyed lists', () => {
    const app = {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'App',
      metadata: { name: 'a' },
      spec: { image: 'x', targets: [{ name: 'production' }, { name: 'production' }] },
    };
    expect(problemsOf(app)).toEqual(['spec.targets[1]: "production" is already listed at spec.targets[0]']);
  });
});

describe('the templates', () => {
  const parsed = (text: string): unknown => {
    const outcome = parseText(text);
    if (outcome.kind === 'faulty') throw new Error(outcome.problems.join('\n'));
    expect(outcome.documents).toHaveLength(1);
    return outcome.documents[0];
  };
  const uncommented = (text: string): string => text.replaceAll(/^( +)# (?=[- ]|[a-zA-Z]+:( |$))/gm, '$1');

  it('are reported as invalid until the user fills in the missing values', () => {
    expect(problemsOf(parsed(accountTemplate('a', [])))).toEqual([
      'spec.aws.policyArns: is empty, expected a list ([] for none)',
    ]);
    expect(problemsOf(parsed(appTemplate('a', ['production'])))).toEqual([
      'spec.image: is empty, expected of type string',
    ]);
  });

  it('are valid when all commented-out examples are uncommented and the required values are filled in', () => {
    const ofAccount = parsed(uncommented(accountTemplate('a', ['production', 'staging'])));
    expect(ofAccount).toMatchObject({
      spec: {
        aws: { policyArns: [arn], permissionsBoundaryArn: expect.stringContaining('arn:') as string },
        targets: ['production'],
        deletionPolicy: 'Delete',
      },
    });
    expect(problemsOf(ofAccount)).toEqual([]);
    const ofApp = parsed(uncommented(appTemplate('a', [])).replace('image:', 'image: nginx'));
    expect(ofApp).toMatchObject({
      spec: { image: 'nginx', imageTag: '1.0', serviceAccount: 'myaccount', ports: [{ port: 8080 }] },
    });
    expect(problemsOf(ofApp)).toEqual([]);
  });
});

describe('parseText', () => {
  it('reports line and column of each fault', () => {
    expect(parseText('a: 1\nb: [1,\n')).toMatchObject({
      kind: 'faulty',
      problems: [expect.stringMatching(/^line \d+, column \d+: /)],
    });
    expect(parseText('a: 1\na: 2\n')).toMatchObject({
      kind: 'faulty',
      problems: ['line 2, column 1: Map keys must be unique'],
    });
  });

  it('limits the number and the length of the problems in text that is not YAML', () => {
    const binary = Array.from({ length: 40 }, (_, line) => `{ ${line}: ${'\u0001é'.repeat(3000)} }}: [`).join(
      '\n',
    );
    const parsed = parseText(binary);
    const problems = parsed.kind === 'faulty' ? parsed.problems : [];
    expect(problems).toHaveLength(6);
    expect(problems.at(-1)).toMatch(/^and \d+ more$/);
    expect(Math.max(...problems.map((problem) => problem.length))).toBeLessThan(250);
    expect(new Set(problems).size).toBe(6);
  });

  it('omits documents without content', () => {
    expect(parseText('---\n# nothing\n---\na: 1\n---\n')).toEqual({
      kind: 'parsed',
      documents: [{ a: 1 }],
      lines: [expect.any(Function)],
    });
    expect(parseText('')).toEqual({ kind: 'parsed', documents: [], lines: [] });
  });

  it('does not expand a YAML alias bomb', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e']
      .map((name, index) => `${name}: &${name} [${`*${'abcd'[index]},`.repeat(9)}]`)
      .join('\n')}\n`;
    expect(parseText(bomb)).toMatchObject({ kind: 'faulty' });
  });
});
