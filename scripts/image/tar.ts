/**
 * Reproducible tar archives (POSIX ustar, https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html): entries are
 * sorted by path, owned by root, and dated to the start of the Unix epoch.
 */
import { Buffer } from 'node:buffer';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, posix, relative, sep } from 'node:path';

const blockBytes = 512;

type Entry = { readonly path: string; readonly mode: number; readonly content?: Buffer };

/** Archives the files of `folder` under the path `to`. All users can read the files, and only root can write them. */
export async function tarOf(folder: string, to: string): Promise<Buffer> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const entries = await Promise.all(
    found.map(async (entry): Promise<Entry> => {
      const file = join(entry.parentPath, entry.name);
      const path = posix.join(to, relative(folder, file).split(sep).join('/'));
      if (entry.isDirectory()) return { path: `${path}/`, mode: 0o755 };
      if (!entry.isFile()) throw new Error(`${file} is neither a file nor a folder`);
      const isExecutable = ((await stat(file)).mode & 0o100) !== 0;
      return { path, mode: isExecutable ? 0o755 : 0o644, content: await readFile(file) };
    }),
  );
  const all: readonly Entry[] = [{ path: `${to}/`, mode: 0o755 }, ...entries];
  const blocks = all.toSorted((a, b) => (a.path < b.path ? -1 : 1)).flatMap(blocksOf);
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]);
}

function blocksOf({ path, mode, content = Buffer.alloc(0) }: Entry): readonly Buffer[] {
  const header = Buffer.alloc(blockBytes);
  if (Buffer.byteLength(path) > 100)
    throw new Error(`the path ${path} is longer than 100 bytes, the limit of the ustar format`);
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;
  header.write(path, 0);
  header.write(octal(mode, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136);
  // Computes the checksum as if the checksum field contained spaces, as the format requires.
  header.write(' '.repeat(8), 148);
  header.write(path.endsWith('/') ? '5' : '0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes);
  return [header, content, padding];
}
