export * from './app.ts';
export * from './cluster-config.ts';
export * from './crds.ts';
export * from './labels.ts';
export * from './linked-service-account.ts';
export * from './meta.ts';
export * from './reserved-names.ts';
export * from './resources.ts';
