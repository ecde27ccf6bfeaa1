/**
 * Expectations about parts of a response, and the comparison of a response with them. An expected object lists only the
 * members that are compared. An expected list must have the same length as the list in the response.
 */

/** Expects a kind of value, where AWS promises no exact value. */
class Matcher {
  readonly description: string;
  readonly matches: (value: unknown) => boolean;
  constructor(description: string, matches: (value: unknown) => boolean) {
    this.description = description;
    this.matches = matches;
  }
}

export const anyText: unknown = new Matcher('any text', (value) => typeof value === 'string');
export const anyNumber: unknown = new Matcher('any number', (value) => typeof value === 'number');
export const anyDate: unknown = new Matcher('any date', (value) => value instanceof Date);
export const matching = (pattern: RegExp): unknown =>
  new Matcher(`text that matches ${pattern}`, (value) => typeof value === 'string' && pattern.test(value));
export const containing = (part: string): unknown =>
  new Matcher(
    `text that contains ${JSON.stringify(part)}`,
    (value) => typeof value === 'string' && value.includes(part),
  );

/**
 * Expects a list that contains the elements in any order and, if `complete`, no others. An actual element must have
 * exactly the members of the expected element, unless the expected element is a `Shape`.
 */
class Including {
  readonly elements: readonly unknown[];
  readonly complete: boolean;
  constructor(elements: readonly unknown[], complete: boolean) {
    this.elements = elements;
    this.complete = complete;
  }
}
/** Expects a list that contains each of the elements, and possibly other elements. */
export const including = (elements: readonly unknown[]): unknown => new Including(elements, false);
/** Expects a list that contains each of the elements, and no other elements. */
export const inAnyOrder = (elements: readonly unknown[]): unknown => new Including(elements, true);

/**
 * Expects an element of `including` to be an object with these members and possibly others. The values of these members
 * must have no additional members.
 */
class Shape {
  readonly members: Readonly<Record<string, unknown>>;
  constructor(members: Readonly<Record<string, unknown>>) {
    this.members = members;
  }
}
export const shape = (members: Readonly<Record<string, unknown>>): unknown => new Shape(members);

/** @returns one sentence for each difference, with the path of the member; empty if the value is as expected */
export function differencesOf(
  value: unknown,
  expected: unknown,
  path = '',
  exact = false,
): readonly string[] {
  const fault = (wanted: string): readonly string[] => [
    `${path || 'the response'}: expected ${wanted}, got ${textOf(value)}`,
  ];
  const member = (name: string): string => (path === '' ? name : `${path}.${name}`);
  if (expected instanceof Matcher) return expected.matches(value) ? [] : fault(expected.description);
  if (expected instanceof Including) {
    if (!Array.isArray(value)) return fault('a list');
    if (expected.complete && value.length !== expected.elements.length)
      return fault(`a list of length ${expected.elements.length}`);
    return expected.elements.flatMap((element) =>
      value.some((candidate) => differencesOf(candidate, element, '', true).length === 0)
        ? []
        : [
            `${path}: expected a list that contains ${textOf(element)}, got a list of length ${value.length} without this element`,
          ],
    );
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(value)) return fault('a list');
    if (value.length !== expected.length) return fault(`a list of length ${expected.length}`);
    return expected.flatMap((element, index) =>
      differencesOf(value[index], element, `${path}[${index}]`, exact),
    );
  }
  if (expected instanceof Shape)
    return isObject(value)
      ? Object.entries(expected.members).flatMap(([name, element]) =>
          differencesOf(value[name], element, member(name), true),
        )
      : fault('an object');
  if (isObject(expected)) {
    if (!isObject(value)) return fault('an object');
    const surplus = exact
      ? Object.keys(value).filter((name) => value[name] !== undefined && !(name in expected))
      : [];
    return [
      ...surplus.map((name) => `${member(name)}: expected nothing, got ${textOf(value[name])}`),
      ...Object.entries(expected).flatMap(([name, element]) =>
        differencesOf(value[name], element, member(name), exact),
      ),
    ];
  }
  return Object.is(value, expected) ? [] : fault(textOf(expected));
}

/** Describes an expectation as a JSON value. */
export function describeExpected(expected: unknown): unknown {
  if (expected instanceof Matcher) return `<${expected.description}>`;
  if (expected instanceof Including) return { '<a list with>': expected.elements.map(describeExpected) };
  if (expected instanceof Shape) return describeExpected(expected.members);
  if (Array.isArray(expected)) return expected.map(describeExpected);
  return isObject(expected)
    ? Object.fromEntries(Object.entries(expected).map(([name, value]) => [name, describeExpected(value)]))
    : expected;
}

/**
 * Reduces a response to the members that the expectation names, so that a report about a real account reveals nothing
 * else. A list that can have more elements keeps only the expected elements.
 */
export function comparedPart(value: unknown, expected: unknown): unknown {
  if (expected instanceof Including)
    return Array.isArray(value)
      ? {
          '<a list with>': value
            .filter((candidate) =>
              expected.elements.some((element) => differencesOf(candidate, element, '', true).length === 0),
            )
            .map((candidate) =>
              comparedPart(
                candidate,
                expected.elements.find((element) => differencesOf(candidate, element, '', true).length === 0),
              ),
            ),
        }
      : value;
  if (Array.isArray(expected) && Array.isArray(value))
    return value.length === expected.length
      ? value.map((element, index) => comparedPart(element, expected[index]))
      : `<a list of ${value.length}>`;
  const members = expected instanceof Shape ? expected.members : expected;
  if (isObject(members) && isObject(value) && !(expected instanceof Matcher))
    return Object.fromEntries(
      Object.entries(members).map(([name, element]) => [name, comparedPart(value[name], element)]),
    );
  return isObject(value) ? '<an object>' : value;
}

/** Whether the value is an object whose members are compared. False for lists and dates. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Returns the value as JSON, cut to at most 200 characters. */
function textOf(value: unknown): string {
  const text = JSON.stringify(describeExpected(value)) ?? 'nothing';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
