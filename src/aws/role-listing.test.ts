import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reduceRoleListing } from './role-listing.ts';

const tags = (key: string): string => `<Tags><member><Key>${key}</Key><Value>Zürich</Value></member></Tags>`;
const instanceProfiles =
  '<InstanceProfileList><member><Roles><member><RoleName>NAME</RoleName></member></Roles></member></InstanceProfileList>';
const role = (name: string, tag = ''): string =>
  `<member>${instanceProfiles.replace('NAME', name)}<RolePolicyList><member><PolicyName>inline</PolicyName><PolicyDocument>%7B%22k11n.dev%2F%22%7D</PolicyDocument></member></RolePolicyList><RoleName>${name}</RoleName><AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument>${tag}<PermissionsBoundary><PermissionsBoundaryArn>arn:b</PermissionsBoundaryArn></PermissionsBoundary></member>`;
const page = (...roles: readonly string[]): string =>
  `<GetAccountAuthorizationDetailsResponse><Result><UserDetailList/><RoleDetailList>\n  ${roles.join('\n  ')}\n</RoleDetailList><IsTruncated>true</IsTruncated><Marker>m</Marker></Result></GetAccountAuthorizationDetailsResponse>`;

async function reduced(xml: string, cuts: readonly number[] = [], isNamed?: (name: string) => boolean) {
  const bytes = Buffer.from(xml);
  const at = [0, ...cuts.map((cut) => cut % bytes.length).toSorted((a, b) => a - b), bytes.length];
  const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
  return text(Readable.from(chunks).pipe(reduceRoleListing({ isNamed })));
}

const named = `<member><RolePolicyList><member><PolicyName>inline</PolicyName></member></RolePolicyList><RoleName>theirs</RoleName><AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument>${tags('team')}<PermissionsBoundary><PermissionsBoundaryArn>arn:b</PermissionsBoundaryArn></PermissionsBoundary></member>`;
const unnamed =
  '<member><RoleName>theirs</RoleName><PermissionsBoundary><PermissionsBoundaryArn>arn:b</PermissionsBoundaryArn></PermissionsBoundary></member>';

describe('the reduction of a role listing', () => {
  it.each(['k11n.dev/cluster', 'K11N.DEV/account', 'k11n.dev&#x2F;cluster'])(
    'leaves a role unchanged if the role has the tag %s',
    async (key) => {
      const xml = page(role('ours', tags(key)), role('theirs', tags('team')));
      expect(await reduced(xml, [], () => false)).toBe(page(role('ours', tags(key)), unnamed));
    },
  );

  it('keeps a role whose details are needed, but drops the inline policy documents and instance profiles of the role', async () => {
    const xml = page(role('theirs', tags('team')));
    expect(await reduced(xml)).toBe(page(named));
    expect(await reduced(xml, [], (name) => name === 'theirs')).toBe(page(named));
  });

  it('does not change a page without roles or a page with broken XML', async () => {
    for (const xml of [page(), '<ErrorResponse>', page(role('ours')).slice(0, 300)])
      expect(await reduced(xml)).toBe(xml);
  });

  it('drops the roles whose details are not needed, except for one role with a permissions boundary', async () => {
    const without = role('without').replace(/<PermissionsBoundary>.*<\/PermissionsBoundary>/, '');
    const xml = page(without, role('theirs'), role('another'), without);
    expect(await reduced(xml, [], () => false)).toBe(page('', unnamed, '', ''));
  });

  it('keeps a complete role even if the role is longer than the buffer', async () => {
    const long = role('ours', tags('k11n.dev/cluster')).replace('%7B%7D', '%7B%7D'.repeat(50_000));
    const xml = page(role('theirs', tags('team')), long);
    expect(await reduced(xml, [70_000, 140_000, 210_000], () => false)).toBe(page(unnamed, long));
  });

  it('releases the network buffers every 2 MiB', async () => {
    let released = 0;
    const chunk = Buffer.from(role('theirs').padEnd(64 * 1024));
    const chunks = Array.from({ length: 100 }, () => chunk);
    const reduction = reduceRoleListing({ isNamed: () => false, releaseBuffers: () => (released += 1) });
    await text(Readable.from(chunks).pipe(reduction));
    expect(released).toBe(3);
  });

  it('does not depend on where the chunks end', async () => {
    const roles = [role('ours', tags('k11n.dev/cluster')), role('theirs', tags('team')), role('other')];
    // The page contains many roles, so that chunks can end in every part of a role.
    const xml = page(...Array.from({ length: 30 }, () => roles).flat());
    expect(xml.length).toBeGreaterThan(2 * 16_384);
    const whole = await reduced(xml, [], (name) => name === 'theirs');
    expect(whole).toBe(
      page(
        ...Array.from({ length: 30 }, (_, index) => [
          roles[0] ?? '',
          named,
          index === 0 ? unnamed.replace('<RoleName>theirs', '<RoleName>other') : '',
        ]).flat(),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 40 }), async (cuts) => {
        expect(await reduced(xml, cuts, (name) => name === 'theirs')).toBe(whole);
      }),
    );
  });
});
