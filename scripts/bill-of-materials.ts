/**
 * Creates the bill of materials of a bundle in CycloneDX format. It lists the packages that have files in the bundle,
 * with their installed versions. `npm sbom` cannot list exactly these packages: it lists all installed packages, or
 * omits all development dependencies, some of which are in the bundle. https://cyclonedx.org/docs/1.6/json/
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

type Component = {
  readonly type: 'library';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly [{ readonly expression: string }];
};

/** @param inputs paths of the files in the bundle, relative to `root` */
export async function billOfMaterials(
  root: string,
  inputs: readonly string[],
  application: { readonly name: string; readonly version: string },
): Promise<object> {
  const components = await Promise.all(packageFolders(inputs).map((folder) => componentOf(root, folder)));
  const { name, version } = application;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', 'bom-ref': `${name}@${version}`, name, version } },
    components: [...new Map(components.map((each) => [each.purl, each])).values()],
  };
}

/** Returns the folders of the packages that have files in a bundle, sorted. */
export function packageFolders(inputs: readonly string[]): readonly string[] {
  return [...new Set(inputs.flatMap((path) => packageFolder(path) ?? []))].toSorted();
}

/** Returns `node_modules/@scope/name`, or the whole path of a package that is nested in another package. */
function packageFolder(path: string): string | undefined {
  // A bundler plugin generated this module, so it is not a file.
  if (/^[a-z-]+:/.test(path)) return undefined;
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0];
}

async function componentOf(root: string, folder: string): Promise<Component> {
  const { name, version, license } = JSON.parse(
    await readFile(join(root, folder, 'package.json'), 'utf8'),
  ) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
  };
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
  };
}
