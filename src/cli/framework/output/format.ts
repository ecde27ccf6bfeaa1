/** The formats of `--output`, and which of them each kind of answer has. */

/** `rows`: columns of a table. `data`: objects and documents, for programs. `problems`: a report without what is in order. */
const formats = {
  table: 'rows',
  wide: 'rows',
  csv: 'rows',
  json: 'data',
  yaml: 'data',
  name: 'data',
  short: 'problems',
} as const;

export type OutputFormat = keyof typeof formats;
export const allFormats = Object.keys(formats) as readonly OutputFormat[];

export type DataFormat = {
  [Format in OutputFormat]: (typeof formats)[Format] extends 'data' ? Format : never;
}[OutputFormat];

export function isData(format: OutputFormat): format is DataFormat {
  return formats[format] === 'data';
}

/** Formats by what a command returns, the default first. */
export const formatsOf = {
  /** Objects, or rows that have a name. */
  list: ['table', 'wide', 'csv', 'json', 'yaml', 'name'],
  /** Rows that belong to one object, and have no name of their own. */
  records: ['table', 'csv', 'json', 'yaml'],
  /** One object, as a page for people. */
  object: ['table', 'wide', 'json', 'yaml', 'name'],
  /** The result of a write: one line for people, the object for programs. */
  written: ['table', 'json', 'yaml', 'name'],
  /** Lines about a rollout, each with a name. */
  rollouts: ['table', 'name'],
  /** An answer of `kon` itself, which is no object of the cluster. */
  document: ['table', 'json', 'yaml'],
  /** The same, with a table in it. */
  status: ['table', 'wide', 'json', 'yaml'],
  checks: ['table', 'short', 'json', 'yaml'],
  /** Text that another tool reads. */
  manifest: ['yaml', 'json'],
  manifests: ['yaml', 'json', 'name'],
  policy: ['json', 'yaml'],
} as const satisfies Readonly<Record<string, readonly [OutputFormat, ...OutputFormat[]]>>;

export type Returned = keyof typeof formatsOf;
