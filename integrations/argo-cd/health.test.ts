/** Runs the health checks as Argo CD does: the script reads the object from the global `obj`, and returns a status and a message. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lauxlib, lua, lualib, to_luastring } from 'fengari';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { argoCdFolder, argoCdKinds } from '../../scripts/generate/argo-cd.ts';

const root = join(import.meta.dirname, '../..');

type Health = { readonly status: string; readonly message: string };
type State = ReturnType<typeof lauxlib.luaL_newstate>;

function push(state: State, value: unknown): void {
  if (typeof value === 'object' && value !== null) {
    lua.lua_newtable(state);
    const entries = Array.isArray(value)
      ? value.map((each, at) => [at + 1, each] as const)
      : Object.entries(value);
    for (const [key, each] of entries) {
      push(state, key);
      push(state, each);
      lua.lua_settable(state, -3);
    }
  } else if (typeof value === 'string') lua.lua_pushstring(state, to_luastring(value));
  else if (typeof value === 'number') lua.lua_pushnumber(state, value);
  else if (typeof value === 'boolean') lua.lua_pushboolean(state, value);
  else lua.lua_pushnil(state);
}

function healthOf(kind: string, object: unknown): Health {
  const state = lauxlib.luaL_newstate();
  lualib.luaL_openlibs(state);
  push(state, object);
  lua.lua_setglobal(state, to_luastring('obj'));
  const script = readFileSync(join(root, argoCdFolder, kind, 'health.lua'), 'utf8');
  if (lauxlib.luaL_dostring(state, to_luastring(script))) throw new Error(lua.lua_tojsstring(state, -1));
  const field = (name: string): string => {
    lua.lua_getfield(state, -1, to_luastring(name));
    const text = lua.lua_tojsstring(state, -1);
    lua.lua_pop(state, 1);
    return text;
  };
  return { status: field('status'), message: field('message') };
}

type Cases = { readonly tests: readonly { readonly healthStatus: Health; readonly inputPath: string }[] };

describe.each(argoCdKinds)('the health check of %s', (kind) => {
  const folder = join(root, argoCdFolder, kind);
  const { tests } = parse(readFileSync(join(folder, 'health_test.yaml'), 'utf8')) as Cases;

  it.each(tests.map((test) => [test.inputPath, test.healthStatus] as const))(
    'returns for %s what its test says',
    (path, health) => {
      expect(healthOf(kind, parse(readFileSync(join(folder, path), 'utf8')))).toEqual(health);
    },
  );

  it('has a test for each status that the health check can return', () => {
    expect(new Set(tests.map(({ healthStatus }) => healthStatus.status))).toEqual(
      new Set(['Healthy', 'Progressing', 'Degraded']),
    );
  });
});
