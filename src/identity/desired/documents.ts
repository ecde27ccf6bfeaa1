/** Reads policy documents from IAM. Others may have written them, so any element can be missing or have an unexpected type. */

export type Statement = {
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly Condition?: { readonly StringEquals?: Readonly<Record<string, unknown>> };
};

/** Statements of a document; undefined if the document is not JSON. */
export function statementsIn(document: string): readonly Statement[] | undefined {
  try {
    const { Statement: statements } = JSON.parse(document) as { readonly Statement?: unknown };
    return [statements].flat().map((statement) => (statement ?? {}) as Statement);
  } catch {
    return undefined;
  }
}

/** Whether the document exists and has this `Id`. */
export function hasId(document: string | undefined, id: string): boolean {
  if (document === undefined) return false;
  try {
    return (JSON.parse(document) as { readonly Id?: unknown }).Id === id;
  } catch {
    return false;
  }
}
