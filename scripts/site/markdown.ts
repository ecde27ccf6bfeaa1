/** Converts GitHub Flavored Markdown to HTML, and to the sections for the search index. */
import GithubSlugger from 'github-slugger';
import { Marked, type Token, type Tokens } from 'marked';

export type Section = {
  /** Anchor of the section; empty for the text before the first heading. */
  readonly anchor: string;
  readonly heading: string;
  readonly depth: number;
  readonly text: string;
};
export type Document = { readonly html: string; readonly sections: readonly Section[] };
export type Reference = { readonly href: string; readonly kind: 'link' | 'image' };

/**
 * @param resolve returns the address of a link or an image in the page
 * @throws Error if the Markdown contains HTML, because HTML could load resources or run scripts
 */
export function renderMarkdown(text: string, resolve: (reference: Reference) => string): Document {
  const slugger = new GithubSlugger();
  const anchors = new Map<Token, string>();
  const markdown = new Marked({
    renderer: {
      heading(token) {
        const anchor = anchors.get(token) ?? slugger.slug(plainText(token.tokens));
        const content = this.parser.parseInline(token.tokens);
        if (token.depth === 1) return `<h1 id="${anchor}">${content}</h1>\n`;
        return `<h${token.depth} id="${anchor}">${content} <a class="anchor" href="#${anchor}" aria-label="Link to this section">#</a></h${token.depth}>\n`;
      },
      link({ href, tokens }) {
        return `<a href="${escapeHtml(resolve({ href, kind: 'link' }))}">${this.parser.parseInline(tokens)}</a>`;
      },
      image({ href, text }) {
        return `<img src="${escapeHtml(resolve({ href, kind: 'image' }))}" alt="${escapeHtml(text)}" loading="lazy">`;
      },
      html({ raw }) {
        if (/^\s*<!--[\s\S]*-->\s*$/.test(raw)) return '';
        throw new Error(`HTML is not allowed in a document: ${raw.trim()}`);
      },
      // The block can be focused, because keyboard users can scroll only focused elements.
      code({ text, lang }) {
        const language = /^[\w-]+/.exec(lang ?? '')?.[0];
        const attribute = language === undefined ? '' : ` class="language-${language}"`;
        return `<pre tabindex="0"><code${attribute}>${escapeHtml(text)}</code></pre>\n`;
      },
    },
  });
  const tokens = markdown.lexer(text);
  const sections: Section[] = [];
  let anchor = '';
  let heading = '';
  let depth = 1;
  let words: string[] = [];
  const endSection = (): void => {
    if (heading !== '' || words.length > 0)
      sections.push({ anchor, heading, depth, text: words.join(' ').replaceAll(/\s+/g, ' ').trim() });
    words = [];
  };
  for (const token of tokens) {
    if (isHeading(token)) {
      endSection();
      heading = plainText(token.tokens);
      depth = token.depth;
      anchor = slugger.slug(heading);
      anchors.set(token, anchor);
    } else words.push(plainText([token]));
  }
  endSection();
  const html = markdown
    .parser(tokens)
    // Removes empty header cells, because they describe no column.
    .replaceAll(/<thead>\s*<tr>\s*(?:<th><\/th>\s*)+<\/tr>\s*<\/thead>\s*/g, '')
    .replaceAll('<th></th>', '<td></td>')
    .replaceAll('<table>', '<div class="table" role="group" aria-label="Table" tabindex="0"><table>')
    .replaceAll('</table>', '</table></div>');
  return { html, sections };
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

function isHeading(token: Token): token is Tokens.Heading {
  return token.type === 'heading';
}

function plainText(tokens: readonly Token[]): string {
  return tokens
    .map((token): string => {
      if (token.type === 'html') return '';
      if (token.type === 'table') {
        const { header, rows } = token as Tokens.Table;
        return [header, ...rows].map((row) => row.map((cell) => plainText(cell.tokens)).join(' ')).join(' ');
      }
      if (token.type === 'list')
        return (token as Tokens.List).items.map((item) => plainText(item.tokens)).join(' ');
      if ('tokens' in token && token.tokens !== undefined) return plainText(token.tokens);
      return 'text' in token ? unescapeHtml(String(token.text)) : ' ';
    })
    .join('');
}
