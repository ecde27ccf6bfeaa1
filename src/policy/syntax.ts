/** Parsing steps that identity and trust documents share. */
import type { PatternSet, PolicyCondition, PolicyDocument, PolicyStatement } from './model.ts';
import { acceptsValue, parseOperator } from './operators.ts';

/**
 * Error that stops the parsing of a document. `parsePolicyDocument` converts the error to a result, so the error never
 * leaves this folder.
 */
export class PolicyFault extends Error {}

export function fault(message: string): never {
  throw new PolicyFault(message);
}

/** Elements that a policy document can have at its top level. */
export const documentElements: ReadonlySet<string> = new Set(['Version', 'Id', 'Statement']);

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function parseJsonObject(text: string, message: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fault(message);
  }
  return isJsonObject(value) ? value : fault(message);
}

/** Reads a string, or a list of strings, as a list. */
export function readStrings(value: unknown, message: string): readonly string[] {
  return [value].flat().map((item) => (typeof item === 'string' ? item : fault(message)));
}

export function readStatements(document: JsonObject, message: string): readonly JsonObject[] {
  const list = [document['Statement']].flat();
  if (list.length === 0) fault(message);
  return list.map((item) => (isJsonObject(item) ? item : fault(message)));
}

export function readVersion(value: unknown, message: string): PolicyDocument['version'] {
  return value === '2012-10-17' || value === '2008-10-17' ? value : fault(message);
}

/** Reads `Action` or `NotAction`, or `Resource` or `NotResource`. Returns undefined if neither element exists. */
export function readPatternSet(
  statement: JsonObject,
  element: 'Action' | 'Resource',
  message: string,
): PatternSet | undefined {
  const plain = statement[element];
  const negated = statement[`Not${element}`];
  if (plain !== undefined && negated !== undefined) fault(message);
  if (plain !== undefined) return { negated: false, patterns: readStrings(plain, message) };
  if (negated !== undefined) return { negated: true, patterns: readStrings(negated, message) };
  return undefined;
}

export type ConditionMessages = {
  readonly syntax: string;
  readonly value: string;
  readonly colon: string;
  readonly vendor: string;
};

export function readConditions(value: unknown, messages: ConditionMessages): PolicyCondition[] {
  if (value === undefined) return [];
  if (!isJsonObject(value)) return fault(messages.syntax);
  return Object.entries(value).flatMap(([written, keys]) => {
    if (!isJsonObject(keys)) return fault(messages.syntax);
    const operator = parseOperator(written);
    return Object.entries(keys).map(([key, given]) => {
      // IAM accepts an unknown operator that has no keys.
      if (!operator) return fault(messages.syntax);
      checkConditionKey(key, messages);
      const values = readConditionValues(given, messages.syntax);
      const variable = (text: string): boolean => text.includes('${');
      if (!values.every((text) => variable(text) || acceptsValue(operator.base, text)))
        return fault(messages.value);
      return { operator, key, values };
    });
  });
}

function readConditionValues(value: unknown, message: string): string[] {
  return [value]
    .flat()
    .map((item) =>
      typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean'
        ? String(item)
        : fault(message),
    );
}

/**
 * Checks that a condition key has the form `vendor:Name`. More colons are possible only in a tag key after a slash
 * (`aws:ResourceTag/a:b`) and in an encryption context (`kms:EncryptionContext:a:b`). An OIDC issuer that is written
 * with `https://` fails this check, as on AWS.
 */
function checkConditionKey(key: string, messages: ConditionMessages): void {
  const colon = key.indexOf(':');
  if (colon < 1) fault(messages.vendor);
  const name = key.slice(colon + 1);
  if (!name.includes(':')) return;
  if (!/^(?:[A-Za-z]+Tags?\/|EncryptionContext:)/i.test(name)) fault(messages.colon);
}

/**
 * Checks that statement ids are unique. An empty id counts as absent.
 *
 * @param message error message for an id that occurs twice
 */
export function checkStatementIds(statements: readonly PolicyStatement[], message: string): void {
  const seen = new Set<string>();
  for (const { sid } of statements) {
    if (sid === undefined) continue;
    if (!/^[0-9A-Za-z]*$/.test(sid))
      fault(
        'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*',
      );
    if (seen.has(sid)) fault(message);
    seen.add(sid);
  }
}
