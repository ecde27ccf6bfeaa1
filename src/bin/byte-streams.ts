/** This process' streams as bytes, and its terminal. */
import { spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import type { ByteStreams } from '../cli/framework/byte-streams.ts';

export function byteStreams(): ByteStreams {
  const { stdin, stdout, stderr } = process;
  // Terminals that do not know their size say 0, and are taken for what the first ones had.
  const size = (): { columns: number; rows: number } => ({
    columns: stdout.columns || 80,
    rows: stdout.rows || 24,
  });
  return {
    input: () => stdin,
    write: (to, bytes) =>
      new Promise((resolve) => {
        // An error is told to the listeners of the stream; whoever waits for it to be written need not wait on.
        (to === 'stdout' ? stdout : stderr).write(bytes, () => resolve());
      }),
    isTerminal: isatty(stdin.fd) && isatty(stdout.fd),
    takeKeyboard() {
      stdin.setRawMode(true);
      // Node leaves the terminal to begin a new line where a program wants to go straight down, which breaks editors.
      // Its own way back undoes this too. Where there is no stty, the rest works all the same.
      spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
      return () => {
        stdin.setRawMode(false);
        stdin.pause();
      };
    },
    prompt: () => ({ keyboard: stdin, screen: sized(stderr, size) }),
    size,
    onResize(listener) {
      const tell = (): void => listener(size());
      stdout.on('resize', tell);
      return () => void stdout.off('resize', tell);
    },
  };
}

/** A screen that always knows its size, as whatever draws on it would take none for no room. */
function sized(stream: NodeJS.WriteStream, size: ByteStreams['size']): Writable {
  const screen = new Writable({
    write: (chunk: Uint8Array, _encoding, done) => void stream.write(chunk, () => done()),
  });
  stream.on('resize', () => screen.emit('resize'));
  return Object.defineProperties(screen, {
    columns: { get: () => size().columns },
    rows: { get: () => size().rows },
  });
}
