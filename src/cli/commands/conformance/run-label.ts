/** The label of accounts and namespaces of runs, whose value is the run. It has the key of the tag in AWS. */
export const runLabel = 'konstellation-conformance';
