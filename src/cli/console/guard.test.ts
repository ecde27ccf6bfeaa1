import { describe, expect, it } from 'vitest';
import { createSessions, judge, securityHeaders, type Access, type RequestFacts } from './guard.ts';

const local: Access = {
  mode: 'local',
  hosts: ['127.0.0.1:8001', 'localhost:8001'],
  isSession: (key) => key === 'right',
};
const headers = { host: '127.0.0.1:8001', authorization: 'Bearer right', 'sec-fetch-site': 'same-origin' };
const get: RequestFacts = { method: 'GET', path: '/api/stream', headers };
const post: RequestFacts = {
  method: 'POST',
  path: '/api/accounts/a/verify',
  headers: { ...headers, origin: 'http://127.0.0.1:8001' },
};

describe('a request to the console', () => {
  it('is allowed if the page itself sends it', () => {
    expect(judge(get, local)).toEqual({ allowed: true, bearer: 'right' });
    expect(judge(post, local)).toEqual({ allowed: true, bearer: 'right' });
    expect(judge({ ...get, headers: { ...headers, host: 'localhost:8001' } }, local).allowed).toBe(true);
  });

  it.each([
    ['another Host', { ...headers, host: 'attacker.example:8001' }, 421],
    ['the Host of another port', { ...headers, host: '127.0.0.1:8002' }, 421],
    ['two Hosts', { ...headers, host: ['127.0.0.1:8001', 'attacker.example'] }, 421],
    ['no Host', { ...headers, host: undefined }, 421],
    ['another Origin', { ...headers, origin: 'http://attacker.example' }, 403],
    ['the Origin of another port', { ...headers, origin: 'http://127.0.0.1:8002' }, 403],
    ['the Origin of a sandboxed frame', { ...headers, origin: 'null' }, 403],
    ['a page of another site as its sender', { ...headers, 'sec-fetch-site': 'cross-site' }, 403],
    ['a page of another port as its sender', { ...headers, 'sec-fetch-site': 'same-site' }, 403],
    ['an address that was typed in', { ...headers, 'sec-fetch-site': 'none' }, 403],
    ['no session', { ...headers, authorization: undefined }, 401],
    ['a wrong session', { ...headers, authorization: 'Bearer wrong' }, 401],
    ['another scheme', { ...headers, authorization: 'Basic right' }, 401],
  ])('is refused if it has %s', (_, given, status) => {
    expect(judge({ ...get, headers: given }, local)).toMatchObject({ allowed: false, status });
  });

  it('is refused if it writes without an Origin header, or uses an unknown method', () => {
    expect(judge({ ...post, headers }, local)).toMatchObject({ allowed: false, status: 403 });
    expect(judge({ ...get, method: 'DELETE' }, local)).toMatchObject({ allowed: false, status: 405 });
    expect(judge({ ...get, method: 'OPTIONS' }, local)).toMatchObject({ allowed: false, status: 405 });
  });

  it('needs the right Host and Origin, but no session, if it loads the page or starts a session', () => {
    const anonymous = { host: '127.0.0.1:8001' };
    expect(judge({ method: 'GET', path: '/pods', headers: anonymous }, local).allowed).toBe(true);
    expect(judge({ method: 'GET', path: '/api/session', headers: anonymous }, local).allowed).toBe(true);
    const start = { method: 'POST', path: '/api/session' };
    expect(
      judge({ ...start, headers: { ...anonymous, origin: 'http://127.0.0.1:8001' } }, local).allowed,
    ).toBe(true);
    expect(
      judge({ ...start, headers: { ...anonymous, origin: 'http://attacker.example' } }, local).allowed,
    ).toBe(false);
    expect(
      judge({ method: 'GET', path: '/pods', headers: { host: 'attacker.example' } }, local).allowed,
    ).toBe(false);
  });

  it('needs a bearer token if the console runs in a cluster; the API server decides whether the token is valid', () => {
    const access: Access = { mode: 'in-cluster' };
    const given = { ...headers, host: 'console.example.com', origin: 'https://console.example.com' };
    expect(judge({ ...get, headers: given }, access)).toEqual({ allowed: true, bearer: 'right' });
    expect(judge({ ...get, headers: { ...given, authorization: undefined } }, access)).toMatchObject({
      status: 401,
    });
    expect(
      judge({ ...get, headers: { ...given, origin: 'https://attacker.example' } }, access),
    ).toMatchObject({
      status: 403,
    });
  });
});

describe('a one-time token', () => {
  it('starts one session, and is then replaced by another token', () => {
    let count = 0;
    const sessions = createSessions(() => `secret-${(count += 1)}`);
    const token = sessions.token();
    expect(sessions.exchange('wrong')).toBeUndefined();
    expect(sessions.token()).toBe(token);
    const key = sessions.exchange(token) ?? '';
    expect(sessions.isSession(key)).toBe(true);
    expect(sessions.exchange(token)).toBeUndefined();
    expect(sessions.token()).not.toBe(token);
    expect(sessions.isSession(token)).toBe(false);
    expect(sessions.isSession('')).toBe(false);
  });
});

it('the security headers of the console forbid inline scripts, content from other origins, and frames', () => {
  const policy = securityHeaders['content-security-policy'];
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|data:|https?:|\*/);
});
