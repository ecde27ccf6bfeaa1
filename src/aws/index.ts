export * from './clients.ts';
export * from './scheduler.ts';
