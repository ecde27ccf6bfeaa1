/** How `create`, `edit` and `apply` may answer. */
export const writeFormats = ['table', 'json', 'yaml', 'name'] as const;
