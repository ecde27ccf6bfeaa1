import { expect, test } from 'vitest';
import { platformOf } from './platform.ts';

test.each([
  ['linux', 'x64', { os: 'linux', arch: 'amd64' }],
  ['darwin', 'arm64', { os: 'darwin', arch: 'arm64' }],
])("%s on %s maps to Go's names", (os, arch, expected) => {
  expect(platformOf(os, arch)).toEqual(expected);
});

test.each([
  ['win32', 'x64'],
  ['linux', 'ia32'],
])('%s on %s is refused with an error that names it', (os, arch) => {
  expect(() => platformOf(os, arch)).toThrow(`this machine runs ${os} on ${arch}`);
});
