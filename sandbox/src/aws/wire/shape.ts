/**
 * Shape of a Query action's input, defined as data. Validates parameters and reports violations with AWS's validation
 * messages ("1 validation error detected: Value 'x' at 'roleName' failed to satisfy constraint: …").
 */
import type { QueryParameters, QueryValue } from './query.ts';
import { AwsError } from './service.ts';

/** Reads one parameter. Violations are collected in `faults`, because AWS reports all violations at once. */
export type Field<T> = (value: QueryValue | undefined, at: string, faults: Faults) => T;
export type Shape = Readonly<Record<string, Field<unknown>>>;
export type InputOf<S extends Shape> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/**
 * Keeps the precise type of an inline shape. Without this function TypeScript loses the types of fields that are
 * created by function calls.
 */
export const shape = <S extends Shape>(given: S): S => given;

type Faults = {
  /** Violations of the form "Value … at … failed to satisfy constraint: …", which are combined into one message. */
  readonly constraints: string[];
  /** Messages that AWS uses for some parameters instead of the general form. */
  readonly others: string[];
};

/**
 * Ignores parameters that are not in the shape, as AWS does.
 * @throws ValidationError (400)
 */
export function parseInput<S extends Shape>(shape: S, parameters: QueryParameters): InputOf<S> {
  const faults: Faults = { constraints: [], others: [] };
  const input: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(shape)) {
    input[name] = field(parameters[name], lowerFirst(name), faults);
  }
  const count = faults.constraints.length;
  if (count > 0) {
    const noun = count === 1 ? 'validation error' : 'validation errors';
    throw new AwsError('ValidationError', `${count} ${noun} detected: ${faults.constraints.join('; ')}`);
  }
  const other = faults.others[0];
  if (other !== undefined) throw new AwsError('ValidationError', other);
  return input as InputOf<S>;
}

export type TextRule = {
  readonly min?: number;
  readonly max?: number;
  /** `test` must be anchored; `shown` is the pattern as AWS prints it. */
  readonly pattern?: { readonly test: RegExp; readonly shown: string };
  /**
   * Characters that a name can contain in addition to letters and digits. AWS has a separate message for violations.
   */
  readonly alphanumericAnd?: string;
};

export function text(rule: TextRule = {}): Field<string> {
  return (value, at, faults) => {
    if (typeof value !== 'string') {
      faults.constraints.push(`Value null at '${at}' failed to satisfy constraint: Member must not be null`);
      return '';
    }
    checkText(value, rule, at, faults);
    return value;
  };
}

function checkText(value: string, rule: TextRule, at: string, faults: Faults): void {
  const refuse = (constraint: string): void => {
    faults.constraints.push(`Value '${value}' at '${at}' failed to satisfy constraint: ${constraint}`);
  };
  if (rule.max !== undefined && value.length > rule.max) {
    refuse(`Member must have length less than or equal to ${rule.max}`);
  }
  if (rule.min !== undefined && value.length < rule.min) {
    refuse(`Member must have length greater than or equal to ${rule.min}`);
  }
  if (rule.pattern && !rule.pattern.test.test(value)) {
    refuse(`Member must satisfy regular expression pattern: ${rule.pattern.shown}`);
  }
  if (rule.alphanumericAnd !== undefined && !/^[\w+=,.@-]*$/.test(value)) {
    faults.others.push(
      `The specified value for ${at} is invalid. It must contain only alphanumeric characters and/or the following: ${rule.alphanumericAnd}`,
    );
  }
}

export function integer(rule: { readonly min: number; readonly max: number }): Field<number> {
  return (value, at, faults) => {
    if (typeof value !== 'string') {
      faults.constraints.push(`Value null at '${at}' failed to satisfy constraint: Member must not be null`);
      return 0;
    }
    if (!/^-?\d+$/.test(value)) {
      faults.others.push(`Invalid value for parameter ${at}: ${value} is not an integer`);
      return 0;
    }
    const number = Number(value);
    if (number > rule.max) {
      faults.constraints.push(
        `Value '${value}' at '${at}' failed to satisfy constraint: Member must have value less than or equal to ${rule.max}`,
      );
    }
    if (number < rule.min) {
      faults.constraints.push(
        `Value '${value}' at '${at}' failed to satisfy constraint: Member must have value greater than or equal to ${rule.min}`,
      );
    }
    return number;
  };
}

export const flag: Field<boolean> = (value, at, faults) => {
  if (value === 'true' || value === 'false') return value === 'true';
  faults.others.push(`Invalid value for parameter ${at}: it must be true or false`);
  return false;
};

export function oneOf<const T extends string>(values: readonly T[]): Field<T> {
  return (value, at, faults) => {
    const found = values.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    const shown = typeof value === 'string' ? `'${value}'` : 'null';
    faults.constraints.push(
      `Value ${shown} at '${at}' failed to satisfy constraint: Member must satisfy enum value set: [${values.join(', ')}]`,
    );
    return values[0] as T;
  };
}

/** Reads a list. An absent list counts as empty, because form encoding cannot express an empty list. */
export function list<T>(
  item: Field<T>,
  rule: { readonly max?: number; readonly required?: boolean } = {},
): Field<readonly T[]> {
  return (value, at, faults) => {
    if (value === undefined || value === '') {
      if (rule.required === true)
        faults.constraints.push(
          `Value null at '${at}' failed to satisfy constraint: Member must not be null`,
        );
      return [];
    }
    if (!isList(value)) {
      faults.others.push(`The parameter ${at} must be a list`);
      return [];
    }
    if (rule.max !== undefined && value.length > rule.max) {
      faults.constraints.push(
        `Value at '${at}' failed to satisfy constraint: Member must have length less than or equal to ${rule.max}`,
      );
    }
    return value.map((member, index) => item(member, `${at}.${index + 1}.member`, faults));
  };
}

export function structure<S extends Shape>(shape: S): Field<InputOf<S>> {
  return (value, at, faults) => {
    const given: QueryParameters = typeof value === 'object' && !isList(value) ? value : {};
    const result: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(shape)) {
      result[name] = field(given[name], `${at}.${lowerFirst(name)}`, faults);
    }
    return result as InputOf<S>;
  };
}

export function optional<T>(field: Field<T>): Field<T | undefined> {
  return (value, at, faults) => (value === undefined ? undefined : field(value, at, faults));
}

const isList = (value: QueryValue): value is readonly QueryValue[] => Array.isArray(value);

// AWS's messages name members in lower camel case, as in its Java code: OpenIDConnectProviderArn becomes
// openIDConnectProviderArn.
const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
