/** Answers of `kon` itself, which are no objects of the cluster: JSON or YAML under the command line's own apiVersion. */
import type { OutputFormat } from './format.ts';
import { asYaml } from './objects.ts';

/** @returns undefined for the formats that are for people */
export function renderDocument(
  kind: string,
  value: Readonly<Record<string, unknown>>,
  format: OutputFormat,
): string | undefined {
  const document = { apiVersion: 'cli.k11n.dev/v1', kind, ...value };
  if (format === 'json') return `${JSON.stringify(document, undefined, 2)}\n`;
  return format === 'yaml' ? asYaml(document) : undefined;
}
