/**
 * Renders the HTML of a page of the docs site. The HTML contains no inline script or style, so that a strict content security
 * policy can apply.
 */
import { posix } from 'node:path';
import { escapeHtml, type Section } from './markdown.ts';

export type Page = {
  /** Path of the page, relative to the root of the site. */
  readonly path: string;
  readonly title: string;
  readonly html: string;
  readonly sections: readonly Section[];
  /** JavaScript module next to the page. Only the search page has a module. */
  readonly script?: string;
};
export type Links = readonly {
  readonly title: string;
  readonly entries: readonly { readonly title: string; readonly path: string }[];
}[];

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
].join('; ');

export function renderPage({ path, title, html, sections, script }: Page, links: Links): string {
  const to = (target: string): string => escapeHtml(relativeAddress(path, target));
  const navigation = links.map(
    (group) => `<h2>${escapeHtml(group.title)}</h2>
<ul>
${group.entries.map((entry) => `<li><a href="${to(entry.path)}"${entry.path === path ? ' aria-current="page"' : ''}>${escapeHtml(entry.title)}</a></li>`).join('\n')}
</ul>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title === 'Konstellation' ? title : `${title} - Konstellation`)}</title>
<link rel="icon" href="${to('icon.svg')}">
<link rel="stylesheet" href="${to('site.css')}">
${script === undefined ? '' : `<script type="module" src="${to(script)}"></script>\n`}</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
<a class="brand" href="${to('index.html')}">Konstellation</a>
<a class="to-navigation" href="#navigation">All pages</a>
<form role="search" action="${to('search.html')}">
<input id="search" type="search" name="q" aria-label="Search the docs" placeholder="Search" autocomplete="off">
<button>Search</button>
</form>
</header>
<nav id="navigation" aria-label="All pages">
${navigation.join('\n')}
</nav>
<main id="main" tabindex="-1">
${withContents(html, sections)}</main>
</body>
</html>
`;
}

/** Returns the address of `target` relative to the page `from`, so that the site works under any base path. */
export function relativeAddress(from: string, target: string): string {
  const [path = '', anchor] = target.split('#');
  const address = path === from ? '' : posix.relative(posix.dirname(from), path);
  return anchor === undefined ? address || posix.basename(from) : `${address}#${anchor}`;
}

/** Inserts a list of the sections after the title of a long page. */
function withContents(html: string, sections: readonly Section[]): string {
  const entries = sections.filter(({ depth, anchor }) => depth === 2 && anchor !== '');
  if (entries.length < 3) return html;
  const list = entries.map(
    ({ anchor, heading }) => `<li><a href="#${escapeHtml(anchor)}">${escapeHtml(heading)}</a></li>`,
  );
  const contents = `<nav class="on-this-page" aria-label="On this page"><details><summary>On this page</summary>
<ul>
${list.join('\n')}
</ul></details></nav>
`;
  return html.replace('</h1>\n', (end) => end + contents);
}
