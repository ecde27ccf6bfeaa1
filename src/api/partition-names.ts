/**
 * Names of the AWS partitions. Every start of `kon` loads these names for its options. They have a module of their own,
 * so that a start need not load `partitions.ts`.
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
