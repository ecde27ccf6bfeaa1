import { describe, expect, it } from 'vitest';
import { longestLeaseMs } from '../../../kube/leases.ts';
import { parseAddress, parseLeaseDuration } from './command.ts';

describe('parseAddress', () => {
  it.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    [':8080', { host: '0.0.0.0', port: 8080 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['localhost:65535', { host: 'localhost', port: 65535 }],
  ])('reads %s', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  it.each(['8080', 'localhost', '::1:80', 'a:65536', 'a:', ''])('refuses "%s"', (text) => {
    expect(() => parseAddress(text)).toThrow('is not an address');
  });
});

describe('parseLeaseDuration', () => {
  it('accepts whole seconds from 5 to 300, and returns milliseconds', () => {
    expect(parseLeaseDuration('15')).toBe(15_000);
    // A longer duration would be useless, because other candidates for the Lease wait at most `longestLeaseMs`,
    // whatever the duration of the Lease.
    expect(parseLeaseDuration('300')).toBe(longestLeaseMs);
    for (const text of ['4', '301', '1.5', '15s', ''])
      expect(() => parseLeaseDuration(text)).toThrow('is not a Lease duration');
  });
});
