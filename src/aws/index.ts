export * from './clients.ts';
export type { Decision, PolicyReader } from './iam-policy-reader.ts';
export * from './scheduler.ts';
export * from './schedulers.ts';
