/**
 * Parses identity policies (managed, inline, boundary, session). The checks have the same order as in IAM, so that the
 * same error is reported first.
 */
import { checkResource, requireCompleteArn } from './resource.ts';
import type { PolicyDocument, PolicyKind, PolicyStatement } from './model.ts';
import {
  checkStatementIds,
  documentElements,
  fault,
  parseJsonObject,
  readConditions,
  readPatternSet,
  readStatements,
  readVersion,
  type JsonObject,
} from './syntax.ts';

const syntaxErrors = 'Syntax errors in policy.';
const legacyParsing = 'The policy failed legacy parsing';
const statementElements = new Set([
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
]);

export function parseIdentityDocument(text: string, kind: Exclude<PolicyKind, 'trust'>): PolicyDocument {
  const json = parseJsonObject(text, syntaxErrors);
  if (Object.keys(json).some((element) => !documentElements.has(element))) fault(syntaxErrors);
  // The default version is documented in the IAM User Guide, "IAM JSON policy elements: Version".
  const version = json['Version'] === undefined ? '2008-10-17' : readVersion(json['Version'], syntaxErrors);
  if (json['Id'] !== undefined && typeof json['Id'] !== 'string') fault(syntaxErrors);
  const sources = readStatements(json, syntaxErrors);
  for (const source of sources) checkSyntax(source);
  if (kind === 'managed' && version !== '2012-10-17')
    fault('Policy document must be version 2012-10-17 or greater.');
  const statements = sources.map(readStatement);
  checkStatementIds(statements, 'Statement IDs (SID) in a single policy must be unique.');
  if (statements.some(({ action }) => action.patterns.length === 0))
    fault('Policy statement must contain actions.');
  for (const { resource } of statements) resource?.patterns.forEach(checkResource);
  if (kind === 'session') {
    for (const { resource } of statements) resource?.patterns.forEach(requireCompleteArn);
  }
  for (const { action } of statements) action.patterns.forEach(checkAction);
  if (sources.some((source) => source['Principal'] !== undefined || source['NotPrincipal'] !== undefined))
    fault('Policy document should not specify a principal.');
  if (statements.some(({ resource }) => resource === undefined || resource.patterns.length === 0))
    fault('Policy statement must contain resources.');
  return { version, ...(typeof json['Id'] === 'string' ? { id: json['Id'] } : {}), statements };
}

/** Checks the grammar of a statement, but not its values. */
function checkSyntax(source: JsonObject): void {
  if (Object.keys(source).some((element) => !statementElements.has(element))) fault(syntaxErrors);
  const { Effect: effect, Sid: sid } = source;
  if (typeof effect !== 'string' || !/^(?:allow|deny)$/i.test(effect)) fault(syntaxErrors);
  if (sid !== undefined && typeof sid !== 'string') fault(syntaxErrors);
  readPatternSet(source, 'Action', syntaxErrors);
  readPatternSet(source, 'Resource', syntaxErrors);
}

function readStatement(source: JsonObject): PolicyStatement {
  const { Effect: effect, Sid: sid } = source;
  const resource = readPatternSet(source, 'Resource', syntaxErrors);
  return {
    ...(typeof sid === 'string' && sid !== '' ? { sid } : {}),
    // Effect is the only value that is case-sensitive, and only the older of IAM's two parsers checks its case.
    effect: effect === 'Allow' || effect === 'Deny' ? effect : fault(legacyParsing),
    action: readPatternSet(source, 'Action', syntaxErrors) ?? { negated: false, patterns: [] },
    ...(resource === undefined ? {} : { resource }),
    conditions: readConditions(source['Condition'], {
      syntax: syntaxErrors,
      value: legacyParsing,
      colon: 'Actions/Condition can contain only one colon.',
      vendor: 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
    }),
  };
}

function checkAction(pattern: string): void {
  if (pattern === '*') return;
  const [vendor = '', ...names] = pattern.split(':');
  if (names.length === 0) fault('Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.');
  if (names.length > 1) fault('Actions/Condition can contain only one colon.');
  if (vendor !== '*' && !/^[A-Za-z0-9.-]+$/.test(vendor)) fault(`Vendor ${vendor} is not valid`);
}
