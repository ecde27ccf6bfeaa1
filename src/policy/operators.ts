/**
 * Condition operators: each compares one value of the request with one value of the policy. The common rules for
 * several values and for absent keys are in `conditions.ts`. Rules:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
import { BlockList, isIP } from 'node:net';
import { matchesArn } from './arn.ts';
import { literalText, matchesGlyphs, type Glyph } from './pattern.ts';

type Comparison = {
  /** Whether the operator is negated. A negated operator holds if no value in the policy matches, or if the key is absent. */
  readonly negated: boolean;
  /** Whether policy variables are recognised in the values. True for string and ARN operators only. */
  readonly variables: boolean;
  readonly compares: (given: string, wanted: readonly Glyph[]) => boolean;
  /** Whether the condition operator accepts a value as written in the document. Default: every value is accepted. */
  readonly accepts?: (written: string) => boolean;
};

const text = (compares: Comparison['compares'], negated = false): Comparison => ({
  negated,
  variables: true,
  compares,
});

/**
 * Comparison of values as numbers.
 *
 * @param parse converts a value to a number; returns undefined for an invalid value
 */
const ordered =
  (parse: (written: string) => number | undefined) =>
  (compare: (given: number, wanted: number) => boolean, negated = false): Comparison => ({
    negated,
    variables: false,
    compares: (given, wanted) => {
      const left = parse(given);
      const right = parse(literalText(wanted));
      return left !== undefined && right !== undefined && compare(left, right);
    },
    accepts: (written) => parse(written) !== undefined,
  });

const numeric = ordered(parseNumber);
const date = ordered(parseInstant);

const address = (negated: boolean): Comparison => ({
  negated,
  variables: false,
  compares: (given, wanted) => {
    const range = parseCidr(literalText(wanted));
    return range !== undefined && containsAddress(range, given);
  },
  accepts: (written) => parseCidr(written) !== undefined,
});

const equalText: Comparison['compares'] = (given, wanted) => given === literalText(wanted);
const equalTextIgnoringCase: Comparison['compares'] = (given, wanted) =>
  given.toLowerCase() === literalText(wanted).toLowerCase();
const likeText: Comparison['compares'] = (given, wanted) => matchesGlyphs(wanted, given);
const likeArn: Comparison['compares'] = (given, wanted) => matchesArn(wanted, given);

const comparisons = {
  StringEquals: text(equalText),
  StringNotEquals: text(equalText, true),
  StringEqualsIgnoreCase: text(equalTextIgnoringCase),
  StringNotEqualsIgnoreCase: text(equalTextIgnoringCase, true),
  StringLike: text(likeText),
  StringNotLike: text(likeText, true),
  NumericEquals: numeric((given, wanted) => given === wanted),
  NumericNotEquals: numeric((given, wanted) => given === wanted, true),
  NumericLessThan: numeric((given, wanted) => given < wanted),
  NumericLessThanEquals: numeric((given, wanted) => given <= wanted),
  NumericGreaterThan: numeric((given, wanted) => given > wanted),
  NumericGreaterThanEquals: numeric((given, wanted) => given >= wanted),
  DateEquals: date((given, wanted) => given === wanted),
  DateNotEquals: date((given, wanted) => given === wanted, true),
  DateLessThan: date((given, wanted) => given < wanted),
  DateLessThanEquals: date((given, wanted) => given <= wanted),
  DateGreaterThan: date((given, wanted) => given > wanted),
  DateGreaterThanEquals: date((given, wanted) => given >= wanted),
  Bool: { negated: false, variables: false, compares: equalTextIgnoringCase },
  BinaryEquals: {
    negated: false,
    variables: false,
    compares: (given, wanted) =>
      Buffer.from(given, 'base64').equals(Buffer.from(literalText(wanted), 'base64')),
    accepts: (written) => /^[A-Za-z0-9+/]*={0,2}$/.test(written) && written.length % 4 === 0,
  },
  IpAddress: address(false),
  NotIpAddress: address(true),
  ArnEquals: text(likeArn),
  ArnNotEquals: text(likeArn, true),
  ArnLike: text(likeArn),
  ArnNotLike: text(likeArn, true),
} satisfies Readonly<Record<string, Comparison>>;

type ComparisonName = keyof typeof comparisons;

export type ConditionOperator = {
  readonly base: ComparisonName | 'Null';
  readonly ifExists: boolean;
  readonly quantifier?: 'ForAllValues' | 'ForAnyValue';
};

export function comparisonOf(name: ComparisonName): Comparison {
  return comparisons[name];
}

/** Whether the condition operator accepts `written`, the text of a value in a policy document. */
export function acceptsValue(name: ConditionOperator['base'], written: string): boolean {
  if (name === 'Null') return /^(?:true|false)$/i.test(written);
  return comparisonOf(name).accepts?.(written) ?? true;
}

/** Parses an operator such as `ForAnyValue:StringEqualsIfExists`. Returns undefined if the operator does not exist. */
export function parseOperator(written: string): ConditionOperator | undefined {
  const match = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(written);
  const base = match?.[2];
  if (!match || base === undefined) return undefined;
  const quantifier = match[1];
  const ifExists = match[3] !== undefined;
  if (base === 'Null') return ifExists || quantifier !== undefined ? undefined : { base, ifExists };
  if (!Object.hasOwn(comparisons, base)) return undefined;
  const name = base as ComparisonName;
  return quantifier === 'ForAllValues' || quantifier === 'ForAnyValue'
    ? { base: name, ifExists, quantifier }
    : { base: name, ifExists };
}

function parseNumber(written: string): number | undefined {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(written) ? Number(written) : undefined;
}

/**
 * Parses a date in the W3C profile of ISO 8601 (`2026-01-31`, `2026-01-31T12:00:00Z`), or epoch seconds. Returns
 * milliseconds since 1970.
 */
function parseInstant(written: string): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(written)) return Number(written) * 1000;
  const match =
    /^(-?\d{4,9})(?:-(\d{2})(?:-(\d{2})(?:[Tt](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?([Zz]|[+-]\d{2}:?\d{2})?)?)?)?$/.exec(
      written,
    );
  if (!match) return undefined;
  const [, year = '', month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '0'] =
    match;
  const zone = match[8] ?? 'Z';
  const offset = /^[+-]/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(-2)}` : 'Z';
  const instant = Date.parse(
    `${year.padStart(4, '0')}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`,
  );
  return Number.isNaN(instant) ? undefined : instant;
}

type AddressRange = { readonly family: 'ipv4' | 'ipv6'; readonly blocks: BlockList };

/** Parses a range in CIDR notation, or a single address. Returns undefined for any other text. */
function parseCidr(written: string): AddressRange | undefined {
  const [address = '', length, ...rest] = written.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return undefined;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const bits = version === 4 ? 32 : 128;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : bits + 1;
  if (prefix > bits) return undefined;
  const blocks = new BlockList();
  blocks.addSubnet(address, prefix, family);
  return { family, blocks };
}

/** Whether the range contains the address. False for a text that is not an address of the range's family. */
function containsAddress(range: AddressRange, address: string): boolean {
  const version = isIP(address);
  if (version === 0 || range.family !== (version === 4 ? 'ipv4' : 'ipv6')) return false;
  return range.blocks.check(address, range.family);
}
