import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix, resolve } from 'node:path';
import MiniSearch from 'minisearch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { navigation } from './navigation.ts';
import { searchOptions, type SearchEntry } from './search-options.ts';
import { renderSite } from './site.ts';

const root = resolve(import.meta.dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'konstellation-site-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe('the site of this repository', () => {
  const out = join(scratch, 'site');
  const read = (path: string): string => readFileSync(join(out, path), 'utf8');
  let pages: ReadonlyMap<string, string>;
  beforeAll(() => {
    execFileSync(process.execPath, [join(root, 'scripts/build-site.ts'), '--out', out]);
    const paths = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.html'),
    );
    pages = new Map(paths.map((path) => [path, read(path)]));
    expect(pages.size).toBeGreaterThan(50);
  });

  const attributes = (html: string, name: string): readonly string[] =>
    Array.from(html.matchAll(new RegExp(`<[^>]* ${name}="([^"]*)"`, 'g')), ([, value = '']) => value);

  it('has a page for each document in docs/, which the navigation links to directly or through the list of decisions', () => {
    const reached = new Set<string>();
    const follow = (from: string, html: string): void => {
      for (const href of attributes(html, 'href')) {
        if (/^[a-z]+:/.test(href)) continue;
        reached.add(posix.join(posix.dirname(from), href.split('#')[0] || posix.basename(from)));
      }
    };
    const menu = /<nav id="navigation"[\s\S]*?<\/nav>/.exec(read('index.html'))?.[0] ?? '';
    follow('index.html', menu);
    expect(reached).toContain('adr/index.html');
    const list = /<main[\s\S]*<\/main>/.exec(read('adr/index.html'))?.[0] ?? '';
    follow('adr/index.html', list);
    const documents = execFileSync('git', ['ls-files', 'docs/*.md'], { cwd: root, encoding: 'utf8' }).trim();
    const expected = documents.split('\n').map((path) => path.slice('docs/'.length).replace(/md$/, 'html'));
    expect(expected.length).toBeGreaterThan(30);
    for (const path of expected) expect(reached, path).toContain(path);
  });

  it('has the same navigation on each page, and marks the current page', () => {
    const links = attributes(
      /<nav id="navigation"[\s\S]*?<\/nav>/.exec(read('index.html'))?.[0] ?? '',
      'href',
    );
    expect(links.length).toBeGreaterThan(25);
    for (const [path, html] of pages) {
      const menu = /<nav id="navigation"[\s\S]*?<\/nav>/.exec(html)?.[0] ?? '';
      expect(attributes(menu, 'href'), path).toHaveLength(links.length);
    }
    expect(read('guides/eks.html')).toContain('<a href="eks.html" aria-current="page">On EKS</a>');
  });

  it('links only to files and anchors that exist, with URLs that work below any base path', () => {
    const missing: string[] = [];
    let links = 0;
    for (const [path, html] of pages) {
      const addresses = [
        ...attributes(html, 'href'),
        ...attributes(html, 'src'),
        ...attributes(html, 'action'),
      ];
      for (const address of addresses) {
        if (/^(?:https|mailto):/.test(address)) continue;
        links += 1;
        expect(address, path).not.toMatch(/^(?:\/|[a-z]+:)/);
        const [file = '', anchor] = address.split('#');
        const target = posix.join(posix.dirname(path), file === '' ? posix.basename(path) : file);
        if (statSync(join(out, target), { throwIfNoEntry: false })?.isFile() !== true)
          missing.push(`${path}: ${address}`);
        else if (anchor !== undefined && !attributes(pages.get(target) ?? '', 'id').includes(anchor))
          missing.push(`${path}: ${address} is not an anchor`);
      }
    }
    expect(links).toBeGreaterThan(1000);
    expect(missing).toEqual([]);
  });

  it('gives each element of a page a unique id', () => {
    for (const [path, html] of pages) {
      const ids = attributes(html, 'id');
      expect(new Set(ids).size, path).toBe(ids.length);
    }
  });

  it('loads nothing from another site, and contains no inline script or style', () => {
    for (const [path, html] of pages) {
      expect(html, path).toContain(`content="default-src 'none'; script-src 'self'; style-src 'self'`);
      expect(html, path).not.toMatch(/<style|<iframe|<object|<embed|<[^>]*\s(?:style|on[a-z]+)=/i);
      expect(html, path).not.toMatch(/<script(?! type="module" src="search-page\.js"><\/script>)/);
      for (const tag of html.match(/<(?:link|script|img|source|form)\b[^>]*>/g) ?? [])
        expect(tag, path).not.toMatch(/(?:href|src|srcset|action)="(?:[a-z]+:|\/)/);
    }
    expect(read('site.css')).not.toMatch(/url\(|@import/);
    expect(/https?:\/\//.test(read('search-page.js'))).toBe(false);
  });

  it('states the licence of the search library', () => {
    const licence = readFileSync(join(root, 'node_modules/minisearch/LICENSE.txt'), 'utf8');
    expect(read('search-page.js').includes(licence)).toBe(true);
  });

  it('has landmarks, a link that skips the navigation, and exactly one title on each page', () => {
    for (const [path, html] of pages) {
      expect(html, path).toMatch(/^<!doctype html>\n<html lang="en">/);
      expect(html.match(/<h1\b/g), path).toHaveLength(1);
      expect(html.match(/<main\b/g), path).toHaveLength(1);
      expect(html.indexOf('href="#main"'), path).toBeLessThan(html.indexOf('<nav'));
      expect(/<title>([^<]+)<\/title>/.exec(html)?.[1], path).toMatch(/Konstellation$/);
      for (const image of html.match(/<img\b[^>]*>/g) ?? []) expect(image, path).toMatch(/alt="[^"]+"/);
    }
  });

  it.each([
    ['permissions boundary', 'guides/'],
    ['quarantine', 'guides/quarantine.html'],
    ['ServiceAccountNotOwned', 'reference/reasons.html'],
    ['clusterconfig', 'reference/api.html'],
    ['quarentine', 'guides/quarantine.html'],
  ])('finds a section about %s', (query, page) => {
    const index = MiniSearch.loadJSON<SearchEntry>(read('search-index.json'), searchOptions);
    const found = index
      .search(query)
      .slice(0, 10)
      .map(({ id }) => String(id));
    expect(
      found.some((id) => id.startsWith(page)),
      found.join(', '),
    ).toBe(true);
    for (const id of found) {
      const [path = '', anchor = ''] = id.split('#');
      expect(attributes(pages.get(path) ?? '', 'id'), id).toContain(anchor);
    }
  });
});

describe('the builder of the site', () => {
  const problemsOf = async (files: Readonly<Record<string, string>>): Promise<string> => {
    const folder = mkdtempSync(join(scratch, 'repository-'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const entries = [{ title: 'Overview', target: 'README.md' }];
    return renderSite(folder, [{ title: 'Start', entries }]).then(
      () => '',
      (error: Error) => error.message,
    );
  };

  it.each([
    ['a link to a missing file', '[a](docs/a.md)', 'README.md: docs/a.md does not exist'],
    ['a link out of the repository', '[a](../a.md)', 'README.md: ../a.md does not exist'],
    ['a link to a missing heading', '[a](#a)', 'README.md: #a is not a heading'],
    ['an image of another site', '![a](https://example.com/a.png)', 'may not be loaded'],
    ['a link that runs a script', '[a](javascript:alert)', 'may not be loaded or opened'],
    ['HTML', '<img src="a.png">', 'HTML is not allowed in a document: <img src="a.png">'],
  ])('refuses a document with %s', async (_, text, problem) => {
    expect(await problemsOf({ 'README.md': `# Title\n\n${text}\n` })).toContain(problem);
  });

  it('refuses a document without a title', async () => {
    expect(await problemsOf({ 'README.md': 'text' })).toBe('README.md: has no title');
  });

  it('refuses a document that is missing in the navigation', async () => {
    const files = { 'README.md': '# Title\n\n[a](docs/a.md)\n', 'docs/a.md': '# A\n' };
    expect(await problemsOf(files)).toBe('docs/a.md: add it to scripts/site/navigation.ts');
  });

  it('accepts headings with code, equal headings, and code that looks like HTML', async () => {
    const text =
      '# Title\n\n[a](#what-kon-doctor-checks) [b](#same-1) `<b>`\n\n## What `kon doctor` checks\n\n## Same\n\n## Same\n';
    expect(await problemsOf({ 'README.md': text })).toBe('');
  });
});

it('the navigation lists each target only once', () => {
  const targets = navigation.flatMap(({ entries }) => entries.map(({ target }) => target));
  expect(new Set(targets).size).toBe(targets.length);
});
