/** Gives commands the standard streams of this process as bytes, and control of its terminal. */
import { spawnSync } from 'node:child_process';
import { isatty } from 'node:tty';
import type { ByteStreams } from '../cli/framework/byte-streams.ts';

export function byteStreams(): ByteStreams {
  const { stdin, stdout, stderr } = process;
  // Terminals without a known size report 0. Assume 80 by 24, the classic size.
  const size = (): { columns: number; rows: number } => ({
    columns: stdout.columns || 80,
    rows: stdout.rows || 24,
  });
  return {
    input: () => stdin,
    write: (to, bytes) =>
      new Promise((resolve) => {
        // Resolves even after a write error, because the stream's `error` listeners handle write errors.
        (to === 'stdout' ? stdout : stderr).write(bytes, () => resolve());
      }),
    isTerminal: isatty(stdin.fd) && isatty(stdout.fd),
    takeKeyboard() {
      stdin.setRawMode(true);
      // In the raw mode of Node.js, the terminal still converts NL to CR NL, which garbles full-screen programs. This call
      // disables the conversion until the end of raw mode. It has no effect without stty.
      spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
      return () => {
        stdin.setRawMode(false);
        stdin.pause();
      };
    },
    keyboard: () => stdin,
    size,
    onResize(listener) {
      const tell = (): void => listener(size());
      stdout.on('resize', tell);
      return () => void stdout.off('resize', tell);
    },
  };
}
