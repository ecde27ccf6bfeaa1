/** IPv4 and IPv6 ranges for the condition operators `IpAddress` and `NotIpAddress`. */
import { BlockList, isIP } from 'node:net';

export type AddressRange = { readonly family: 'ipv4' | 'ipv6'; readonly blocks: BlockList };

/** Parses a range in CIDR notation, or a single address. Returns undefined for any other text. */
export function parseCidr(written: string): AddressRange | undefined {
  const [address = '', length, ...rest] = written.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return undefined;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const bits = version === 4 ? 32 : 128;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : bits + 1;
  if (prefix > bits) return undefined;
  const blocks = new BlockList();
  blocks.addSubnet(address, prefix, family);
  return { family, blocks };
}

/** Whether the range contains the address. False for a text that is not an address of the range's family. */
export function containsAddress(range: AddressRange, address: string): boolean {
  const version = isIP(address);
  if (version === 0 || range.family !== (version === 4 ? 'ipv4' : 'ipv6')) return false;
  return range.blocks.check(address, range.family);
}
