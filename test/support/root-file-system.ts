/** Runs the Node.js program from an unpacked image, as a container engine would. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Returns the command that runs the image's Node.js from `folder`. If this process is able to change its
 * root directory (as root on Linux), `folder` becomes the root directory of the command, mounted read-only, and the
 * command runs as the user 65532 without capabilities. Otherwise the command runs Node.js in place, and only file modes
 * protect the files.
 *
 * @param args arguments for Node.js, with absolute paths in the image
 */
export function inImage(folder: string, args: readonly string[]): readonly [string, ...string[]] {
  if (!changesRoot()) {
    const inPlace = args.map((arg) => (arg.startsWith('/') ? join(folder, arg) : arg));
    return [join(folder, 'nodejs/bin/node'), ...inPlace];
  }
  const script = [
    'set -e',
    'mount --bind "$0" "$0"',
    'mount -o remount,ro,bind "$0"',
    'exec chroot --userspec=65532:65532 --groups= "$0" /nodejs/bin/node "$@"',
  ];
  return ['unshare', '--mount', 'sh', '-c', script.join('\n'), folder, ...args];
}

/**
 * Whether the process is able to change the root folder and to mount. In containers of some build systems, it is not.
 */
export function changesRoot(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
