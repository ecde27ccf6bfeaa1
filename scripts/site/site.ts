/**
 * Renders the docs site: a page for each document of the repository, the search page, and a page for each other file or folder
 * that a document links to. Reports broken links and anchors, external images, and documents that are missing in the navigation.
 */
import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { build } from 'esbuild';
import MiniSearch from 'minisearch';
import { renderMarkdown, type Document } from './markdown.ts';
import type { NavigationGroup } from './navigation.ts';
import { relativeAddress, renderPage, type Links } from './page.ts';
import { searchOptions, type SearchEntry } from './search-options.ts';

const modules = join(import.meta.dirname, '../../node_modules');

type Source = { readonly path: string; readonly title: string } & Document;
type Anchored = {
  readonly from: string;
  readonly href: string;
  readonly path: string;
  readonly anchor: string;
};

/**
 * @param root folder of the repository
 * @returns contents by path in the site
 * @throws Error that lists every problem of the documents
 */
export async function renderSite(
  root: string,
  navigation: readonly NavigationGroup[],
): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const problems: string[] = [];
  const files = new Map<string, string | Uint8Array>();
  const sources = new Map<string, Source>();
  const anchored: Anchored[] = [];
  const targets = navigation.flatMap(({ entries }) => entries.map(({ target }) => withoutAnchor(target)));
  const documents = globSync('docs/**/*.md', { cwd: root }).sort();
  const pending = new Set([...targets, ...documents]);

  // Rendering a page adds the targets of its links to this set, so the set grows during the loop.
  for (const path of pending) {
    if (!existsSync(join(root, path))) {
      problems.push(`navigation: ${path} does not exist`);
      continue;
    }
    const address = addressOf(root, path);
    try {
      const document = renderMarkdown(markdownOf(root, path), ({ href, kind }) => {
        if (/^(?:[a-z][a-z+.-]*:|\/\/)/i.test(href)) {
          if (kind === 'image' || !/^(?:https:|mailto:)/.test(href))
            problems.push(`${path}: ${href} may not be loaded or opened from the site`);
          return href;
        }
        const [file = '', anchor] = href.split('#');
        const target = file === '' ? path : posix.join(posix.dirname(path), file).replace(/\/$/, '');
        if (target.startsWith('..') || !existsSync(join(root, target))) {
          problems.push(`${path}: ${href} does not exist`);
          return href;
        }
        if (kind === 'image') {
          const image = target.replace(/^docs\//, '');
          files.set(image, readFileSync(join(root, target)));
          return relativeAddress(address, image);
        }
        pending.add(target);
        if (anchor !== undefined) anchored.push({ from: path, href, path: target, anchor });
        const page = addressOf(root, target);
        return relativeAddress(address, anchor === undefined ? page : `${page}#${anchor}`);
      });
      const title = document.sections.find(({ depth, heading }) => depth === 1 && heading !== '')?.heading;
      if (title === undefined) problems.push(`${path}: has no title`);
      sources.set(path, { path, title: title ?? path, ...document });
    } catch (error) {
      problems.push(`${path}: ${(error as Error).message}`);
    }
  }

  for (const { from, href, path, anchor } of anchored)
    if (!sources.get(path)?.sections.some((section) => section.anchor === anchor))
      problems.push(`${from}: ${href} is not a heading`);
  for (const { entries } of navigation)
    for (const { target } of entries) {
      const anchor = target.split('#')[1];
      const sections = sources.get(withoutAnchor(target))?.sections;
      if (anchor !== undefined && !sections?.some((section) => section.anchor === anchor))
        problems.push(`navigation: ${target} is not a heading`);
    }
  // Documents of a folder in the navigation need no entry, because the folder's page lists them.
  const listed = new Set([...targets, ...documents.filter((path) => targets.includes(posix.dirname(path)))]);
  for (const path of documents)
    if (!listed.has(path)) problems.push(`${path}: add it to scripts/site/navigation.ts`);
  if (problems.length > 0) throw new Error(problems.join('\n'));

  const links: Links = navigation.map(({ title, entries }) => ({
    title,
    entries: entries.map((entry) => {
      const anchor = entry.target.split('#')[1];
      const page = addressOf(root, withoutAnchor(entry.target));
      return { title: entry.title, path: anchor === undefined ? page : `${page}#${anchor}` };
    }),
  }));
  for (const source of sources.values()) {
    const path = addressOf(root, source.path);
    if (files.has(path)) throw new Error(`${source.path}: another file is already written to ${path}`);
    files.set(path, renderPage({ ...source, path }, links));
  }
  await addSearch(files, links, entriesOf(root, [...sources.values()]));
  const assets = join(import.meta.dirname, 'assets');
  files.set('site.css', readFileSync(join(assets, 'site.css'), 'utf8'));
  files.set('icon.svg', readFileSync(join(import.meta.dirname, '../../console/icon.svg'), 'utf8'));
  return files;
}

async function addSearch(
  files: Map<string, string | Uint8Array>,
  links: Links,
  entries: readonly SearchEntry[],
): Promise<void> {
  const index = new MiniSearch<SearchEntry>(searchOptions);
  index.addAll(entries);
  files.set('search-index.json', JSON.stringify(index));
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'assets/search-page.js')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    // The licence of the package requires that copies contain its text.
    banner: { js: `/*!\n${readFileSync(join(modules, 'minisearch/LICENSE.txt'), 'utf8')}*/` },
  });
  files.set('search-page.js', outputFiles[0]?.text ?? '');
  const html = `<h1>Search</h1>
<noscript><p>The search needs JavaScript. All pages are listed in the navigation.</p></noscript>
<p id="search-status" role="status"></p>
<ol id="search-results"></ol>
`;
  files.set(
    'search.html',
    renderPage({ path: 'search.html', title: 'Search', html, sections: [], script: 'search-page.js' }, links),
  );
}

function entriesOf(root: string, sources: readonly Source[]): readonly SearchEntry[] {
  const documents = sources.filter(({ path }) => path.endsWith('.md'));
  return documents.flatMap(({ path, title, sections }) =>
    sections
      .filter(({ heading, text }) => heading !== '' && text !== '')
      .map(({ anchor, heading, text }) => ({
        id: `${addressOf(root, path)}#${anchor}`,
        heading,
        title,
        text,
        excerpt: text.length > 200 ? `${text.slice(0, text.lastIndexOf(' ', 200))} …` : text,
      })),
  );
}

/**
 * Returns the path in the site: `guides/eks.html` for `docs/guides/eks.md`, the index of the folder for README.md, and a path in
 * `source/` for files other than Markdown.
 */
function addressOf(root: string, path: string): string {
  const isFolder = statSync(join(root, path)).isDirectory();
  if (isFolder && path.startsWith('docs/')) return `${path.slice('docs/'.length)}/index.html`;
  if (isFolder || !path.endsWith('.md')) return `source/${path.replace(/^\./, '')}.html`;
  return path
    .replace(/^docs\//, '')
    .replace(/(^|\/)README\.md$/, '$1index.md')
    .replace(/\.md$/, '.html')
    .toLowerCase();
}

/**
 * Returns the Markdown of a page: the text of a document, a list for a folder of documents, or the contents of another file or
 * folder.
 */
function markdownOf(root: string, path: string): string {
  const file = join(root, path);
  if (path.endsWith('.md')) return readFileSync(file, 'utf8');
  if (!statSync(file).isDirectory()) return `# ${inCode(path)}\n\n${codeBlock(file)}`;
  const names = readdirSync(file, { recursive: true, encoding: 'utf8' }).sort();
  const documents = names.filter((name) => name.endsWith('.md'));
  if (documents.length > 0) {
    const rows = documents.map((name) => {
      const title = /^# (.+)$/m.exec(readFileSync(join(file, name), 'utf8'))?.[1] ?? name;
      return `- [${title}](${posix.basename(path)}/${name})`;
    });
    return `# ${path === 'docs/adr' ? 'Architecture decisions' : inCode(path)}\n\n${rows.join('\n')}\n`;
  }
  const texts = names
    .filter((name) => statSync(join(file, name)).isFile())
    .map((name) => `## ${inCode(name)}\n\n${codeBlock(join(file, name))}`);
  return `# ${inCode(path)}\n\n${texts.join('\n')}`;
}

function codeBlock(file: string): string {
  const text = readFileSync(file, 'utf8');
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${posix.extname(file).slice(1)}\n${text.trimEnd()}\n${fence}\n`;
}

function inCode(text: string): string {
  return `\`${text}\``;
}

function withoutAnchor(target: string): string {
  return target.split('#')[0] ?? target;
}
