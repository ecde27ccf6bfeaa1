/** Functions that the tests call in fengari, a Lua interpreter in JavaScript. They have the names of Lua's C API. */
declare module 'fengari' {
  type State = { readonly state: unique symbol };
  type LuaString = Uint8Array;
  export function to_luastring(text: string): LuaString;
  export const lualib: { luaL_openlibs(state: State): void };
  export const lauxlib: {
    luaL_newstate(): State;
    /** Returns true after an error. */
    luaL_dostring(state: State, script: LuaString): boolean;
  };
  export const lua: {
    lua_newtable(state: State): void;
    lua_settable(state: State, index: number): void;
    lua_pushstring(state: State, text: LuaString): void;
    lua_pushnumber(state: State, value: number): void;
    lua_pushboolean(state: State, value: boolean): void;
    lua_pushnil(state: State): void;
    lua_setglobal(state: State, name: LuaString): void;
    lua_getfield(state: State, index: number, name: LuaString): void;
    lua_tojsstring(state: State, index: number): string;
    lua_pop(state: State, count: number): void;
  };
}
