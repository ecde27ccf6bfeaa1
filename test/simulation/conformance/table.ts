/**
 * An API server's responses to the requests that the operator sends, case by case. The same table runs against the
 * model and against a real kube-apiserver.
 */
import { versionsCases } from './versions.ts';
import { deletionCases } from './deletion.ts';
import { schemasCases } from './schemas.ts';
import { applyCases } from './apply.ts';
import { watchesCases } from './watches.ts';
import { tokensCases } from './tokens.ts';
import type { ConformanceCase } from './case.ts';

export const conformanceTable: readonly ConformanceCase[] = [
  ...versionsCases,
  ...deletionCases,
  ...schemasCases,
  ...applyCases,
  ...watchesCases,
  ...tokensCases,
];
