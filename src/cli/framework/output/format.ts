/** Formats of `--output`, and the formats that each kind of result supports. */

/**
 * `rows`: columns of a table. `data`: objects and documents, for programs. `problems`: a report of problems only. `text`: a
 * document for people.
 */
const formats = {
  table: 'rows',
  wide: 'rows',
  csv: 'rows',
  json: 'data',
  yaml: 'data',
  name: 'data',
  jsonpath: 'data',
  'custom-columns': 'rows',
  short: 'problems',
  markdown: 'text',
} as const;

export type OutputFormat = keyof typeof formats;
export const allFormats = Object.keys(formats) as readonly OutputFormat[];

/** Formats with a template after `=`: `-o jsonpath={.metadata.name}`. */
export const templateFormats: readonly OutputFormat[] = ['jsonpath', 'custom-columns'];

/** Returns the format as help shows it. */
export const shownFormat = (format: OutputFormat): string =>
  templateFormats.includes(format) ? `${format}=…` : format;

export type DataFormat = {
  [Format in OutputFormat]: (typeof formats)[Format] extends 'data' ? Format : never;
}[OutputFormat];

export function isData(format: OutputFormat): format is DataFormat {
  return formats[format] === 'data';
}

/** Formats by type of result, the default first. */
export const formatsOf = {
  /** Objects, or rows with a name. */
  list: ['table', 'wide', 'csv', 'json', 'yaml', 'name', 'jsonpath', 'custom-columns'],
  /** Rows that belong to one object and have no name of their own. */
  records: ['table', 'wide', 'csv', 'json', 'yaml', 'jsonpath'],
  /** One object, shown as a human-readable page. */
  object: ['table', 'wide', 'json', 'yaml', 'name', 'jsonpath', 'custom-columns'],
  /** Result of a write: for people one line, for programs the written object. */
  written: ['table', 'json', 'yaml', 'name', 'jsonpath'],
  /** One line per rollout. `-o name` prints only the name of each restarted object. */
  rollouts: ['table', 'name'],
  /** Document of `kon` itself. Such a document is not an object of the cluster. */
  document: ['table', 'json', 'yaml'],
  /** Document of `kon` itself that contains a manifest; a template can extract the manifest. */
  proposal: ['table', 'json', 'yaml', 'jsonpath'],
  /** Document of `kon` itself that contains a table. */
  status: ['table', 'wide', 'json', 'yaml'],
  checks: ['table', 'short', 'json', 'yaml'],
  /** Input for other tools, such as kubectl. */
  manifest: ['yaml', 'json'],
  manifests: ['yaml', 'json', 'name'],
  policy: ['json', 'yaml'],
  report: ['markdown', 'json', 'yaml'],
} as const satisfies Readonly<Record<string, readonly [OutputFormat, ...OutputFormat[]]>>;

export type Returned = keyof typeof formatsOf;
