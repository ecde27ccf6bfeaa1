/** JSON over several lines, for a plan; any other text as it is. */
export function prettyJson(document: string): string {
  try {
    return JSON.stringify(JSON.parse(document), undefined, 2);
  } catch {
    return document;
  }
}
