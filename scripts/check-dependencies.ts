/**
 * Checks the licence of each package in package-lock.json against an allow-list, and prints the number of packages. The list for
 * packages in the bundle, which users receive, is shorter than the list for build and test tools. Reads the bill of materials in
 * dist/, so run scripts/build.ts first. `--lock FILE` and `--bill FILE` name other files.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

type Package = {
  readonly version?: string;
  readonly license?: string;
  /** Set for a workspace, which is part of this repository. */
  readonly link?: boolean;
};
type Lock = { readonly packages: Readonly<Record<string, Package>> };
type Bill = {
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly licenses?: readonly { readonly expression: string }[];
  }[];
};

/**
 * SPDX identifiers of licences that require no more than a notice in a work under Apache-2.0. scripts/third-party-notices.ts
 * writes the notices.
 */
const forUsers = new Set(['Apache-2.0', 'MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Unlicense']);
/** Licences that are also allowed for tools, because users do not receive the tools. */
const forTools = new Set([...forUsers, 'MPL-2.0', 'PSF-2.0']);

const root = resolve(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    lock: { type: 'string', default: join(root, 'package-lock.json') },
    bill: { type: 'string', default: join(root, 'dist', 'sbom.cdx.json') },
  },
});
const { packages } = JSON.parse(readFileSync(values.lock, 'utf8')) as Lock;
const { components } = JSON.parse(readFileSync(values.bill, 'utf8')) as Bill;

const locked = Object.entries(packages).filter(([path, { link }]) => path.includes('node_modules/') && !link);
const problems = [
  ...locked.flatMap(([path, { version = '', license }]) =>
    problemOf(`${path.slice(path.lastIndexOf('node_modules/') + 13)} ${version}`, license, forTools),
  ),
  ...components.flatMap(({ name, version, licenses }) =>
    problemOf(`${name} ${version} in the bundle`, licenses?.[0]?.expression, forUsers),
  ),
];
for (const problem of new Set(problems)) console.error(problem);
if (problems.length > 0) {
  console.error(`Choose another package, or add the licence to a list in scripts/check-dependencies.ts.`);
  process.exitCode = 1;
} else
  console.log(
    `dependencies: ${components.length} in the bundle, ${locked.length} in package-lock.json, each with an allowed licence`,
  );

/**
 * A package under `A OR B` is allowed if one of the two licences is allowed. A package under `A AND B` is allowed if
 * both licences are allowed.
 */
function problemOf(
  title: string,
  license: string | undefined,
  allowed: ReadonlySet<string>,
): readonly string[] {
  if (license === undefined) return [`${title}: states no licence`];
  const isAllowed = license
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((alternative) => alternative.split(' AND ').every((id) => allowed.has(id)));
  return isAllowed ? [] : [`${title}: the licence ${license} is not allowed here`];
}
