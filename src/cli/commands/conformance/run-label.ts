/**
 * Label on the accounts and namespaces of a conformance run. Its value is the name of the run. Its key is the same as the key of
 * the AWS tag.
 */
export const runLabel = 'konstellation-conformance';
