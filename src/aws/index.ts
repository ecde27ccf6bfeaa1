export * from './aws-cloud-account.ts';
export * from './clients.ts';
export * from './iam-role-store.ts';
export * from './sts-identity-prover.ts';
