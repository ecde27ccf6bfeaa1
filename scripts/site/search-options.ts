/** Fields of the search index. The build writes the index, and the search page reads it. */
export const searchOptions = {
  fields: ['heading', 'title', 'text'],
  storeFields: ['heading', 'title', 'excerpt'],
  searchOptions: {
    boost: { heading: 4, title: 2 },
    prefix: (term: string): boolean => term.length > 2,
    fuzzy: (term: string): number | false => (term.length > 4 ? 0.2 : false),
    combineWith: 'AND' as const,
    /** Ranks guides before the reference, and the reference before decisions and documents about the project. */
    boostDocument: (id: string): number => {
      if (id.startsWith('guides/') || id.startsWith('index.html')) return 3;
      return id.startsWith('reference/') || id.startsWith('errors.html') ? 1 : 0.5;
    },
  },
};

export type SearchEntry = {
  /** Address of the section, relative to the root of the site. */
  readonly id: string;
  readonly heading: string;
  readonly title: string;
  readonly text: string;
  /** First words of the section's text. */
  readonly excerpt: string;
};
