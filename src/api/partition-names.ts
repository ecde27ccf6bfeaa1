/**
 * Names of the AWS partitions. This module is separate from `partitions.ts`, because every start of `kon` loads the
 * names for its options.
 */

/** Partition names in alphabetical order. */
export const partitionNames = [
  'aws',
  'aws-cn',
  'aws-eusc',
  'aws-iso',
  'aws-iso-b',
  'aws-iso-e',
  'aws-iso-f',
  'aws-us-gov',
] as const;

export type Partition = (typeof partitionNames)[number];
