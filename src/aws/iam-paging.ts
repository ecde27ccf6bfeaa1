/** Reads listings of IAM page by page. */

type Page = { readonly IsTruncated?: boolean | undefined; readonly Marker?: string | undefined };

/** Part of a command's input that selects the page. It is empty for the first page. */
export type Paging = { readonly Marker?: string };

/** Returns all pages. Each page is scheduled as a separate call. */
export async function allPages<P extends Page>(next: (paging: Paging) => Promise<P>): Promise<readonly P[]> {
  const pages: P[] = [];
  let paging: Paging | undefined = {};
  while (paging) {
    const page: P = await next(paging);
    pages.push(page);
    paging = page.IsTruncated === true && page.Marker !== undefined ? { Marker: page.Marker } : undefined;
  }
  return pages;
}
