/**
 * A planted bug wraps exported functions of the product. Each wrapper has the type of the function that it wraps, and
 * this function determines the source file to patch. The bug therefore stays planted if the function is moved, renamed,
 * reformatted or rewritten.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OracleName } from '../oracles.ts';
import type { Plan } from '../plans.ts';

type AnyFunction = (...args: never[]) => unknown;

export type Wrapper = {
  readonly wraps: AnyFunction;
  /** Called for each call of the wrapped function, with the original function. */
  readonly wrap: (original: AnyFunction) => AnyFunction;
};

export type PlantedBug = {
  readonly name: string;
  /** How the bug comes about, with a reference to a known case. */
  readonly story: string;
  readonly wrappers: readonly Wrapper[];
  readonly scenario: string;
  /** Kind of fault that reveals the bug. Default: no fault. */
  readonly plans?: Plan['kind'];
  /** An oracle that must catch the bug. Others may catch it too. */
  readonly caughtBy: OracleName;
};

export function around<F extends AnyFunction>(wraps: F, wrap: (original: F) => F): Wrapper {
  return { wraps, wrap: wrap as unknown as Wrapper['wrap'] };
}

/**
 * Returns the object with some of its members replaced. Wrappers must not use `instanceof`: the classes of the patched
 * copy of the sources, such as its errors, are not the classes that the modules of the bugs import.
 */
export function overriding<T extends object>(object: T, members: Partial<T>): T {
  return new Proxy(object, {
    get: (of, key) => Reflect.get(Object.hasOwn(members, key) ? members : of, key) as unknown,
  });
}

/**
 * `file` is the file below `src` that declares a function, as a path relative to the root folder. `text` is the text of
 * this file with the declaration renamed, and with a replacement function that calls the wrapper.
 */
type Patch = { readonly file: string; readonly text: string };

const registry = '__plantedWrappers';
type Registry = { [registry]?: ReadonlyMap<string, Wrapper['wrap']> };

/** @throws Error with the name of the function if its declaration is not found */
async function patchOf({ wraps: { name }, wraps }: Wrapper, root: string): Promise<Patch> {
  const declaration = new RegExp(`^export ((?:async )?function|const) ${name}\\b`, 'm');
  for (const entry of await readdir(join(root, 'src'), { recursive: true })) {
    const file = join('src', entry);
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const text = await readFile(join(root, file), 'utf8');
    if (!declaration.test(text)) continue;
    const module = (await import(pathToFileURL(join(root, file)).href)) as Readonly<Record<string, unknown>>;
    if (module[name] !== wraps) continue;
    const renamed = text.replace(declaration, `$1 ${name}AsItIs`);
    const call = `globalThis.${registry}.get('${name}')(${name}AsItIs)(...args)`;
    return { file, text: `${renamed}\nexport function ${name}(...args) {\n  return ${call};\n}\n` };
  }
  throw new Error(`no file below src exports the function "${name}", which a planted bug wraps`);
}

/**
 * Plants a bug in a copy of the sources.
 *
 * @param root root of the original sources
 * @param copy root of the copy
 * @returns a function that removes the bug again
 */
export async function plant(bug: PlantedBug, root: string, copy: string): Promise<() => Promise<void>> {
  const patches = await Promise.all(bug.wrappers.map((wrapper) => patchOf(wrapper, root)));
  const files = patches.map(({ file }) => file);
  if (new Set(files).size < files.length)
    throw new Error(`the bug "${bug.name}" wraps two functions of one file: ${files.join(', ')}`);
  const originals = await Promise.all(files.map((file) => readFile(join(copy, file), 'utf8')));
  for (const { file, text } of patches) await writeFile(join(copy, file), text);
  return async () => {
    for (const [index, file] of files.entries()) await writeFile(join(copy, file), originals[index] ?? '');
  };
}

/** Registers the bug's wrappers, which the patched copy of the sources looks up. That copy must run in this process. */
export function register(bug: PlantedBug): void {
  (globalThis as Registry)[registry] = new Map(
    bug.wrappers.map(({ wraps, wrap }) => [wraps.name, wrap] as const),
  );
}
