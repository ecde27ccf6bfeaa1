/** Formats JSON over several lines for a plan; returns any other text unchanged. */
export function prettyJson(document: string): string {
  try {
    return JSON.stringify(JSON.parse(document), undefined, 2);
  } catch {
    return document;
  }
}
