/** Names of the AWS partitions. They are not in `partitions.ts`, because every command line loads them for its options. */

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
