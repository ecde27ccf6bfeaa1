/**
 * Label on the accounts and namespaces of a conformance run. Its value is the name of the run. The run's AWS
 * resources have a tag with the same key.
 */
export const runLabel = 'konstellation-conformance';
