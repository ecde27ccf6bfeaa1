import { describe, expect, it } from 'vitest';
import type { Output } from '../context.ts';
import { renderTable, type Column } from './table.ts';

type Row = { readonly name: string; readonly note: string };
const columns: readonly Column<Row>[] = [
  { header: 'NAME', value: (row) => row.name, style: (row) => (row.name === 'b' ? 'red' : undefined) },
  { header: 'NOTE', value: (row) => row.note, short: (row) => row.note.slice(0, 3) },
  { header: 'MORE', value: () => 'more', wide: true },
];
const rows: readonly Row[] = [
  { name: 'a-long-name', note: 'first note' },
  { name: 'b', note: '' },
];
const output = (isTTY: boolean, color = false): Output => ({
  write: () => undefined,
  isTTY,
  color,
  redraws: isTTY,
  columns: isTTY ? 80 : undefined,
});

describe('renderTable', () => {
  it('aligns columns and shortens values on a terminal', () => {
    expect(renderTable(columns, rows, { output: output(true), format: 'table' })).toBe(
      'NAME         NOTE\na-long-name  fir\nb            -\n',
    );
  });

  it('shows whole values and all columns in the wide format', () => {
    expect(renderTable(columns, rows, { output: output(true), format: 'wide' })).toBe(
      'NAME         NOTE        MORE\na-long-name  first note  more\nb            -           more\n',
    );
  });

  it('separates columns by tabs and shows whole values and all columns if there is no terminal', () => {
    expect(renderTable(columns, rows, { output: output(false), format: 'table' })).toBe(
      'NAME\tNOTE\tMORE\na-long-name\tfirst note\tmore\nb\t-\tmore\n',
    );
  });

  it('keeps rows and columns intact when values contain tabs or line breaks', () => {
    const odd = [{ name: 'a\tb\nc\u001B[31m', note: 'x' }];
    expect(renderTable(columns, odd, { output: output(false), format: 'table' })).toBe(
      'NAME\tNOTE\tMORE\na b c\tx\tmore\n',
    );
  });

  it('writes CSV with whole values and all columns, without colour even on a terminal', () => {
    for (const out of [output(true, true), output(false)])
      expect(renderTable(columns, rows, { output: out, format: 'csv' })).toBe(
        'NAME,NOTE,MORE\r\na-long-name,first note,more\r\nb,,more\r\n',
      );
  });

  it.each([
    ['a,b', '"a,b"'],
    ['say "no"', '"say ""no"""'],
    ['two\nlines', '"two\nlines"'],
    ['\u001B[31mred\u001B[39m', 'red'],
  ])('quotes a field of CSV: %j', (note, field) => {
    const text = renderTable(columns, [{ name: 'x', note }], { output: output(false), format: 'csv' });
    expect(text).toBe(`NAME,NOTE,MORE\r\nx,${field},more\r\n`);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '＝1', '\u001B[31m=1'])(
    'prevents a spreadsheet from interpreting a value as a formula: %j',
    (note) => {
      const text = renderTable(columns, [{ name: 'x', note }], { output: output(false), format: 'csv' });
      expect(text).toMatch(/\r\nx,'[^,]+,more\r\n$/);
    },
  );

  it('pads values before it adds colour, so that columns stay aligned', () => {
    const text = renderTable(columns, rows, { output: output(true, true), format: 'table' });
    expect(text).toContain('\u001B[31mb            \u001B[39m-');
  });
});

describe('renderTable on a narrow terminal', () => {
  type Wide = { readonly name: string; readonly role: string; readonly message: string };
  const wideColumns: readonly Column<Wide>[] = [
    { header: 'NAME', value: ({ name }) => name, whole: true },
    { header: 'ROLE', value: ({ role }) => role },
    { header: 'MESSAGE', wraps: true, value: ({ message }) => message },
  ];
  const row: Wide = {
    name: 'a-name-that-people-copy',
    role: 'arn:aws:iam::111122223333:role/konstellation/kon-main-payments',
    message: 'the trust policy differs from the wanted one and will be repaired',
  };
  const render = (width: number, format: 'table' | 'wide' = 'table'): readonly string[] =>
    renderTable(wideColumns, [row], { output: { ...output(true), columns: width }, format })
      .trimEnd()
      .split('\n');

  it.each([70, 80, 120])('fits a table into a terminal that is %i columns wide', (width) => {
    const lines = render(width);
    expect(lines.filter((line) => line.length > width)).toEqual([]);
    expect(lines.join(' ')).toContain(row.name);
  });

  it('shortens ARNs from the left, and wraps messages between words without dropping a word', () => {
    const lines = render(80);
    expect(lines[1]).toMatch(/^a-name-that-people-copy {2}…\S+kon-main-payments {2}the trust policy/);
    const words = lines
      .slice(1)
      .map((line) => line.slice(lines[0]!.indexOf('MESSAGE')).trim())
      .join(' ');
    expect(words).toBe(row.message);
  });

  it('shortens an ARN in a message from the left instead of wrapping it', () => {
    const long = { ...row, message: `${row.role} is not trusted (see ${row.role}).` };
    const text = renderTable(wideColumns.slice(2), [long], {
      output: { ...output(true), columns: 30 },
      format: 'table',
    });
    expect(text.split('\n')).toEqual([
      'MESSAGE',
      '…nstellation/kon-main-payments',
      'is not trusted (see',
      '…tellation/kon-main-payments).',
      '',
    ]);
  });

  it('omits columns, in the order of their rank, if the other columns would otherwise be shortened too much', () => {
    type Pod = { readonly name: string; readonly role: string };
    const podColumns: readonly Column<Pod>[] = [
      { header: 'NAME', value: ({ name }) => name, whole: true },
      { header: 'STATE', value: () => 'CrashLoopBackOff', omission: 2 },
      { header: 'HOLDS', value: ({ role }) => role, keepsEnd: true },
      { header: 'CREATED', value: () => '10m ago', omission: 1 },
    ];
    const pods = [
      { name: 'web-1', role: 'kon-sandbox-hello-s3-1a2b3c4d' },
      { name: 'web-2', role: 'credentials of its own kind' },
    ];
    const tableOf = (width: number): readonly string[] =>
      renderTable(podColumns, pods, { output: { ...output(true), columns: width }, format: 'table' })
        .trimEnd()
        .split('\n')
        .map((line) => line.trimEnd());
    const headers = (width: number): readonly string[] | undefined => tableOf(width)[0]?.split(/ {2,}/);
    expect(headers(63)).toEqual(['NAME', 'STATE', 'HOLDS', 'CREATED']);
    expect(headers(54)).toEqual(['NAME', 'STATE', 'HOLDS']);
    expect(tableOf(40)).toEqual([
      'NAME   HOLDS',
      'web-1  kon-sandbox-hello-s3-1a2b3c4d',
      'web-2  credentials of its own kind',
    ]);
    expect(tableOf(24).slice(1)).toEqual(['web-1  …ello-s3-1a2b3c4d', 'web-2  credentials of i…']);
  });

  it('shows whole values with -o wide, as renderTable does without a terminal', () => {
    expect(render(40, 'wide')[1]).toContain(`${row.role}  ${row.message}`);
    expect(renderTable(wideColumns, [row], { output: output(false), format: 'table' })).toContain(
      `\t${row.role}\t`,
    );
  });

  it('leaves a table unchanged if the table fits', () => {
    expect(render(500)[1]).toBe(`${row.name}  ${row.role}  ${row.message}`);
  });
});
