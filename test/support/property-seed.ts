/**
 * The seed of all property tests. It is the same in every run, so that a change does not appear to cause a defect that
 * existed before. `make soak` varies the seed by setting `KON_SEED`.
 */
import { configureGlobal } from 'fast-check';

configureGlobal({ seed: Number(process.env['KON_SEED'] ?? 1) });
