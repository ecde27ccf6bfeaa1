/** Exports of this package for `kon conformance`. */
export { announcement } from './announcement.ts';
export { createClients } from './clients.ts';
export { findLeftovers, leftoverText, removeLeftovers } from './leftovers.ts';
export { runPolicy } from './permissions.ts';
export { commonPrefix, createPlace, deniesAll, walkSuffix } from './place.ts';
export { cleanReport, renderReport } from './report.ts';
export { keysIn, runConformance, UnfinishedRunError } from './run.ts';
export { signForeignTokens } from './tokens.ts';
export { scenariosIn } from './table/table.ts';
