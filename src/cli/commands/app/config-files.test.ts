import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configContent } from './config-files.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kon-config-'));
  mkdirSync(join(folder, 'conf.d/nested'), { recursive: true });
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'conf.d/b.conf'), 'b\n');
  writeFileSync(join(folder, 'conf.d/a.conf'), 'ä\n');
  writeFileSync(join(folder, 'conf.d/nested/c.conf'), 'c\n');
  writeFileSync(join(folder, 'picture'), Buffer.from([0xff, 0xd8]));
  writeFileSync(join(folder, 'some.env'), '# most\n\nMOST=1=2\r\n  NAME=a b \n');
  writeFileSync(join(folder, 'no.env'), 'A=1\nlisten 80;\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const of = (path: string): ReturnType<typeof configContent> =>
  configContent({ name: 'x', path, mountPath: undefined }, folder);

describe('the content of a config', () => {
  it('is the given file with its name, or every file of the given folder', () => {
    expect(of('conf.d/a.conf').files()).toEqual({ 'a.conf': 'ä\n' });
    expect(of('conf.d').files()).toEqual({ 'a.conf': 'ä\n', 'b.conf': 'b\n' });
  });

  it('is one variable per line of the given env file', () => {
    expect(of('some.env').variables()).toEqual({ MOST: '1=2', NAME: 'a b ' });
  });

  it('is refused with the reason if it cannot be read as files or variables', () => {
    expect(() => of('nowhere').files()).toThrow('cannot read nowhere');
    expect(() => of('picture').files()).toThrow('picture is not UTF-8 text');
    expect(() => of('empty').files()).toThrow('no files in empty');
    expect(() => of('conf.d').variables()).toThrow('conf.d is a folder, but variables come from a file');
    expect(() => of('no.env').variables()).toThrow('no.env, line 2: expected NAME=VALUE');
  });
});
