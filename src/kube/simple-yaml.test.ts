/** Compares the parser with the YAML library. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseSimpleYaml, parseYaml } from './simple-yaml.ts';

const byKubectl = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1J/+==
    server: https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com
  name: arn:aws:eks:eu-central-1:111122223333:cluster/prod
contexts:
- context:
    cluster: arn:aws:eks:eu-central-1:111122223333:cluster/prod
    namespace: default
    user: arn:aws:eks:eu-central-1:111122223333:cluster/prod
  name: prod
current-context: prod
kind: Config
preferences: {}
users:
- name: arn:aws:eks:eu-central-1:111122223333:cluster/prod
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - --region
      - eu-central-1
      - eks
      - get-token
      - --output
      - json
      command: aws
      env: null
      interactiveMode: IfAvailable
      provideClusterInfo: false
`;

const sameAsLibrary = (text: string): void => {
  const plain = parseSimpleYaml(text);
  if (plain === undefined) return;
  expect(plain.value).toEqual(parse(text));
};

describe('the simple YAML parser', () => {
  it.each([
    ['a kubeconfig that kubectl writes', byKubectl],
    [
      'indented lists, comments, quotes and a document mark',
      `---\n# made by hand\nusers:\n  # one\n  - name: "a b"\n    user:\n      token: 'x: y'\n\ncontexts: []\nempty:\n`,
    ],
    ['a list of scalars', '- a\n- --flag=x\n- true\n'],
  ])('accepts %s', (_what, text) => {
    const plain = parseSimpleYaml(text);
    expect(plain).toBeDefined();
    expect(plain?.value).toEqual(parse(text));
  });

  it.each([
    ['flow collections', 'users: [{name: a}]\n'],
    ['anchors', 'a: &x\n  b: c\nd: *x\n'],
    ['merges', 'a:\n  <<: b\n'],
    ['block scalars', 'a: |\n  b\n'],
    ['text over several lines', 'a: b\n  c\n'],
    ['numbers', 'a: 12\n'],
    ['escapes', 'a: "\\n"\n'],
    ['comments behind values', 'a: b # c\n'],
    ['several documents in one text', 'a: b\n---\na: c\n'],
    ['tabs', 'a:\tb\n'],
    ['duplicate keys', 'a: b\na: c\n'],
    ['JSON', '{"a": "b"}\n'],
    ['an empty text', ''],
  ])('rejects %s', (_what, text) => {
    expect(parseSimpleYaml(text)).toBeUndefined();
  });

  it('leaves YAML outside its subset to the YAML library', async () => {
    expect(await parseYaml('users: [{name: a}]\n')).toEqual({ users: [{ name: 'a' }] });
    await expect(parseYaml('a: b\na: c\n')).rejects.toThrow('unique');
  });

  it('returns the same value as the YAML library for every document that the library writes', () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(json, fc.boolean(), (value, indentSeq) =>
        sameAsLibrary(stringify(value, { indentSeq, lineWidth: 0 })),
      ),
    );
  });

  it('returns, for a document with changed characters, the same value as the YAML library, or undefined', () => {
    const signs = [
      ...Array.from(' \n-:#\'"{}[],&*!|>%@`?\\~\t\r'),
      'true',
      '1',
      '0x',
      '- ',
      ': ',
      '  ',
      'é',
      '<<',
      '\u00a0',
    ];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(...signs), fc.nat(3)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          let text = byKubectl;
          for (const [at, sign, dropped] of changes) {
            const place = at % text.length;
            text = text.slice(0, place) + sign + text.slice(place + dropped);
          }
          sameAsLibrary(text);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
