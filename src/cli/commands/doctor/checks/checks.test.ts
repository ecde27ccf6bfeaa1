import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { environmentProblems } from './environment.ts';
import { clockVerdict } from './cluster.ts';
import { IdentityError, type DrainingTarget } from '../../../../identity/index.ts';
import type { Wall } from '../../../../k8s/time.ts';
import { ok, type Verdict } from '../check.ts';
import { drainingVerdict } from './identity.ts';
import type { Lookups } from '../lookups.ts';
import { registeredChecks } from '../registry.ts';
import { documentationOf } from '../handler.ts';
import { checks } from './index.ts';

describe('the list of checks', () => {
  it('matches the headings of the documentation in order and category', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../../docs/guides/doctor.md'), 'utf8');
    const written: string[] = [];
    let category = '';
    for (const [, level, title = ''] of page.matchAll(/^(##|###) (.+)$/gm)) {
      if (level === '##') category = title;
      else written.push(`${category}/${title}`);
    }
    expect(written).toEqual(checks.map((check) => `${check.category}/${check.id}`));
  });

  it('contains exactly the checks of the registry, in the order of the registry', () => {
    expect(registeredChecks.map(({ id }) => id)).toEqual(checks.map(({ id }) => id));
  });

  it.each(checks.map(({ id }) => id))('links to an existing heading for the check %s', (id) => {
    const [path = '', anchor = ''] = documentationOf(id).split('#');
    const page = readFileSync(join(import.meta.dirname, '../../../../..', path), 'utf8');
    // Converts headings to anchors as GitHub does.
    const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    expect(anchors).toContain(anchor);
  });

  it('places each check after the checks that it needs', () => {
    checks.forEach((check, index) => {
      const before = checks.slice(0, index).map(({ id }) => id);
      expect(before).toEqual(expect.arrayContaining([...check.needs]));
    });
  });
});

describe('the check of the operator', () => {
  const lookups = (conditions: readonly object[]): Lookups =>
    ({
      serverNow: () => Promise.resolve(Date.parse('2026-01-01T00:00:05Z')),
      leases: () =>
        Promise.resolve([
          {
            metadata: { namespace: 'konstellation-system', name: 'konstellation' },
            spec: {
              holderIdentity: 'pod-1',
              renewTime: '2026-01-01T00:00:04.000000Z',
              leaseDurationSeconds: 15,
            },
          },
        ]),
      config: () => Promise.resolve({ status: { conditions } }),
    }) as unknown as Lookups;
  const verdict = (conditions: readonly object[]): Promise<Verdict> | undefined =>
    checks.find(({ id }) => id === 'operator-leads')?.run(lookups(conditions));

  it('fails if the leader is older than the CRDs', async () => {
    const condition = {
      type: 'OperatorCurrent',
      status: 'False',
      reason: 'OperatorOutdated',
      message: 'it is old',
    };
    expect(await verdict([condition])).toMatchObject({
      status: 'error',
      message: 'pod-1 (konstellation-system/konstellation): it is old (OperatorOutdated)',
    });
    expect(await verdict([])).toMatchObject({ status: 'ok' });
  });
});

describe('the check of quotas', () => {
  const verdict = (rolesUsed: number, refusesCaller = false): Promise<Verdict> | undefined => {
    const quotas = { rolesUsed, roles: 1000, policiesPerRole: 10 };
    const account = {
      quotas: () =>
        refusesCaller ? Promise.reject(new IdentityError('AccessDenied', 'denied')) : Promise.resolve(quotas),
    };
    return checks
      .find(({ id }) => id === 'quotas')
      ?.run({
        signal: new AbortController().signal,
        aws: () => Promise.resolve({ account }),
        // Usage that the operator reported before more roles were created.
        config: () => Promise.resolve({ status: { quotas: { ...quotas, rolesUsed: 161 } } }),
        accounts: () => Promise.resolve([]),
      } as unknown as Lookups);
  };

  it('uses the current values from AWS instead of an earlier report of the operator', async () => {
    expect(await verdict(1000)).toMatchObject({ status: 'error', details: ['roles: 1000 of 1000'] });
    expect(await verdict(850)).toMatchObject({ status: 'warning', details: ['roles: 850 of 1000'] });
    expect(await verdict(162)).toMatchObject({ status: 'ok', message: 'roles: 162 of 1000' });
  });

  it("uses the operator's reported values if the user is not permitted to read quotas", async () => {
    expect(await verdict(1000, true)).toMatchObject({ status: 'ok', message: 'roles: 161 of 1000' });
  });
});

describe('the check of draining targets', () => {
  const now = Date.parse('2026-01-03T00:00:00Z');
  const at = (account: string, time: string): DrainingTarget => ({
    account,
    target: 'staging',
    since: Date.parse(time) as Wall,
  });

  it('warns about a target that drains for more than a day, and only lists a target that drains for less', () => {
    const old = at('old', '2026-01-01T12:00:00Z');
    const young = at('young', '2026-01-02T23:00:00Z');
    expect(drainingVerdict([old, young], now)).toMatchObject({
      status: 'warning',
      details: [
        'staging/old: pods still hold the identity of the account; the target was removed at most 36h ago',
        expect.any(String),
      ],
    });
    expect(drainingVerdict([young], now)).toMatchObject({
      status: 'ok',
      message:
        'staging/young: pods still hold the identity of the account; the target was removed at most 60m ago',
    });
    expect(drainingVerdict([], now)).toEqual(ok());
  });
});

describe('the check of the environment', () => {
  const remote = 'https://ABC.gr7.us-west-2.eks.amazonaws.com';
  const local = 'https://127.0.0.1:6443';
  it.each<[string, Record<string, string>, string, readonly RegExp[]]>([
    ['nothing', {}, remote, []],
    [
      'a sandbox’s endpoint for a real cluster',
      { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
      remote,
      [/To reach AWS, unset the variable/],
    ],
    ['a sandbox’s endpoint for a sandbox', { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, local, []],
    [
      'a proxy for a local cluster',
      { HTTPS_PROXY: 'http://me:secret@proxy:3128' },
      local,
      [/go through a proxy \(http:\/\/proxy:3128\)/],
    ],
    [
      'a proxy with an exception',
      { https_proxy: 'http://proxy', no_proxy: 'localhost, 127.0.0.1' },
      local,
      [],
    ],
    ['a proxy for a real cluster', { HTTPS_PROXY: 'http://proxy' }, remote, []],
    ['a bundle that is not there', { AWS_CA_BUNDLE: '/no/such/file' }, remote, [/AWS_CA_BUNDLE names/]],
    [
      'two identities',
      { AWS_PROFILE: 'x', AWS_ACCESS_KEY_ID: 'y', AWS_SECRET_ACCESS_KEY: 'z' },
      remote,
      [/both set/],
    ],
    ['half a key', { AWS_ACCESS_KEY_ID: 'y' }, remote, [/without AWS_SECRET_ACCESS_KEY/]],
    ['no verification', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, remote, [/no certificate is verified/]],
  ])('finds the expected problems with %s', async (_what, env, server, problems) => {
    const found = await environmentProblems(env, server);
    expect(found).toHaveLength(problems.length);
    problems.forEach((problem, index) => expect(found[index]).toMatch(problem));
  });
});

describe('the check of the clock', () => {
  const now = Date.parse('2026-01-01T00:10:00Z');
  const at = (time: string): string => new Date(`2026-01-01T${time}Z`).toUTCString();
  it.each([
    [at('00:10:00'), 'ok'],
    [at('00:09:40'), 'ok'],
    [at('00:09:00'), 'warning'],
    [at('00:11:00'), 'warning'],
    [at('00:05:00'), 'error'],
    [at('00:15:00'), 'error'],
    [undefined, 'warning'],
    ['nonsense', 'warning'],
  ])('compares a server time of %s with the local time, and returns %s', (date, status) => {
    expect(clockVerdict(date, now, now + 100, 'it').status).toBe(status);
  });
});
