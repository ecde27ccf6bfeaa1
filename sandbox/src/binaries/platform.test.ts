import { expect, test } from 'vitest';
import { platformOf } from './platform.ts';

test.each([
  ['linux', 'x64', { os: 'linux', arch: 'amd64' }],
  ['darwin', 'arm64', { os: 'darwin', arch: 'arm64' }],
])(
  "the platform %s on %s is mapped to Go's names for the operating system and the architecture",
  (os, arch, expected) => {
    expect(platformOf(os, arch)).toEqual(expected);
  },
);

test.each([
  ['win32', 'x64'],
  ['linux', 'ia32'],
])(
  'the platform %s on %s is refused with an error that names the operating system and the architecture',
  (os, arch) => {
    expect(() => platformOf(os, arch)).toThrow(`this machine runs ${os} on ${arch}`);
  },
);
