import { describe, expect, it } from 'vitest';
import { CliError } from '../errors.ts';
import { customColumns } from './custom-columns.ts';
import { evaluate, parseLonePath, parseTemplate } from './json-path.ts';

const data = {
  kind: 'List',
  items: [
    {
      kind: 'None',
      metadata: { name: '127.0.0.1', labels: { 'kubernetes.io/hostname': 'one' } },
      status: {
        capacity: { cpu: '4' },
        addresses: [{ type: 'LegacyHostIP', address: '127.0.0.1' }],
        count: 3,
      },
    },
    {
      kind: 'None',
      metadata: { name: '127.0.0.2' },
      status: {
        capacity: { cpu: '8' },
        addresses: [
          { type: 'LegacyHostIP', address: '127.0.0.2' },
          { type: 'another', address: '127.0.0.3' },
        ],
        count: 5,
      },
    },
  ],
  users: [
    { name: 'myself', user: {} },
    { name: 'e2e', user: { username: 'admin', password: 'secret' } },
  ],
};

describe('templates of jsonpath', () => {
  // The first rows are the examples of kubectl's documentation.
  it.each([
    ['kind is {.kind}', 'kind is List'],
    ["{.items[*]['metadata.name']}", ''],
    ["{.items[*].metadata['name']}", '127.0.0.1 127.0.0.2'],
    ['{.users[0].name}', 'myself'],
    ['{.items[*].metadata.name}', '127.0.0.1 127.0.0.2'],
    [
      "{.items[*]['kind', 'metadata']}",
      'None {"name":"127.0.0.1","labels":{"kubernetes.io/hostname":"one"}} None {"name":"127.0.0.2"}',
    ],
    ['{.users[?(@.name=="e2e")].user.password}', 'secret'],
    ["{.users[?(@.name=='e2e')].user.password}", 'secret'],
    [
      '{range .items[*]}[{.metadata.name}, {.status.capacity}] {end}',
      '[127.0.0.1, {"cpu":"4"}] [127.0.0.2, {"cpu":"8"}] ',
    ],
    ['{range .items[*]}{.metadata.name}{"\\t"}{.kind}{"\\n"}{end}', '127.0.0.1\tNone\n127.0.0.2\tNone\n'],
    ['{.items[0].metadata.labels.kubernetes\\.io/hostname}', 'one'],
    ['{..address}', '127.0.0.1 127.0.0.2 127.0.0.3'],
    ['{.items[1].status.addresses[-1].address}', '127.0.0.3'],
    ['{.items[-1:].metadata.name}', '127.0.0.2'],
    ['{.items[0:1].metadata.name}', '127.0.0.1'],
    ['{.items[0,1].metadata.name}', '127.0.0.1 127.0.0.2'],
    ['{.items[?(@.status.count>3)].metadata.name}', '127.0.0.2'],
    ['{.items[?(@.status.count<=3)].metadata.name}', '127.0.0.1'],
    ['{.items[?(@.metadata.labels)].metadata.name}', '127.0.0.1'],
    [
      '{range .items[*]}{range .status.addresses[*]}{.address},{end};{end}',
      '127.0.0.1,;127.0.0.2,127.0.0.3,;',
    ],
    ['{.items[*].status.addresses[?(@.type!="another")].address}', '127.0.0.1 127.0.0.2'],
    ['{$.kind} {@.kind}', 'List List'],
    ['{.items[0].status.count}', '3'],
    ['{.missing.field}{.items[9].kind}', ''],
    ['{"{not an expression}"}', '{not an expression}'],
    ['plain', 'plain'],
    ['', ''],
  ])('%s', (template, text) => {
    expect(evaluate(parseTemplate(template), data)).toBe(text);
  });

  it.each(['{.a', '{.a[0}', '{range .a}', '{end}', '{.a[?(@.b==c)]}', '{.a[b]}', '{a}'])(
    '%s is refused',
    (template) => {
      expect(() => parseTemplate(template)).toThrow(CliError);
    },
  );
});

describe('parseLonePath', () => {
  it.each(['.kind', '{.kind}', 'kind'])('accepts %s', (path) => {
    expect(parseLonePath(path)(data)).toEqual(['List']);
  });
});

describe('customColumns', () => {
  it('reads values by path, and shows missing values as kubectl does', () => {
    const columns = customColumns(
      'KIND:.kind,NAMES:.items[*].metadata.name,NOPE:{.nope},FIRST:.items[0,1].kind',
    );
    expect(columns.map(({ header, value }) => [header, value(data)])).toEqual([
      ['KIND', 'List'],
      ['NAMES', '127.0.0.1,127.0.0.2'],
      ['NOPE', '<none>'],
      ['FIRST', 'None,None'],
    ]);
  });

  it.each(['', 'NAME', ':.a', 'NAME:'])('refuses "%s"', (spec) => {
    expect(() => customColumns(spec)).toThrow(CliError);
  });
});
