/**
 * Templates of `-o jsonpath=…` in kubectl's dialect: text with expressions in braces. Pure. JSONPath libraries do not
 * support this dialect: they lack its `{range}`, text, escaped dots and treatment of missing fields.
 * https://kubernetes.io/docs/reference/kubectl/jsonpath/
 */
import { usageError } from '../errors.ts';

type Step =
  | { readonly kind: 'field'; readonly names: readonly string[] }
  | { readonly kind: 'wildcard' }
  | { readonly kind: 'recursive' }
  | { readonly kind: 'indexes'; readonly indexes: readonly number[] }
  | {
      readonly kind: 'slice';
      readonly from: number | undefined;
      readonly to: number | undefined;
      readonly step: number;
    }
  | {
      readonly kind: 'filter';
      readonly left: Operand;
      readonly operator?: Operator;
      readonly right?: Operand;
    };

type Path = { readonly absolute: boolean; readonly steps: readonly Step[] };
type Operand = { readonly path: Path } | { readonly literal: unknown };
type Operator = '==' | '!=' | '<=' | '>=' | '<' | '>';

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly path: Path }
  | { readonly kind: 'range'; readonly path: Path; readonly body: readonly Node[] };

export type Template = readonly Node[];

/** @throws CliError of code USAGE */
export function parseTemplate(text: string): Template {
  const top: Node[] = [];
  const open: { readonly path: Path; readonly body: Node[] }[] = [];
  const add = (node: Node): void => void (open.at(-1)?.body ?? top).push(node);
  for (const part of partsOf(text)) {
    if ('text' in part) add({ kind: 'text', text: part.text });
    else if (part.expression === 'end') {
      const range = open.pop();
      if (!range) throw faulty(text, '{end} without {range}');
      add({ kind: 'range', ...range });
    } else if (/^range\s/.test(part.expression))
      open.push({ path: parsePath(part.expression.slice(5).trim(), text), body: [] });
    else if (/^(["']).*\1$/s.test(part.expression)) add({ kind: 'text', text: unquoted(part.expression) });
    else add({ kind: 'path', path: parsePath(part.expression, text) });
  }
  if (open.length > 0) throw faulty(text, '{range} without {end}');
  return top;
}

/**
 * Parses a single path, with or without braces and leading dot: `.a.b`, `{.a.b}`, `a.b`. @throws CliError of code USAGE
 */
export function parseLonePath(text: string): (value: unknown) => readonly unknown[] {
  const bare = /^\{(.*)\}$/s.exec(text)?.[1] ?? text;
  const path = parsePath(/^[.[$@]/.test(bare) ? bare : `.${bare}`, text);
  return (value) => find(path, value, value);
}

export function evaluate(template: Template, value: unknown): string {
  return render(template, value, value);
}

function render(nodes: readonly Node[], value: unknown, root: unknown): string {
  return nodes
    .map((node) => {
      if (node.kind === 'text') return node.text;
      const found = find(node.path, value, root);
      return node.kind === 'path'
        ? found.map(textOf).join(' ')
        : found.map((item) => render(node.body, item, root)).join('');
    })
    .join('');
}

/** Formats a value as kubectl does: strings without quotes, objects and lists as JSON. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : JSON.stringify(value);
}

function faulty(template: string, problem: string): Error {
  return usageError(
    `the JSONPath template ${JSON.stringify(template)} is invalid: ${problem}`,
    "Write it as kubectl has it, for example -o jsonpath='{.items[*].metadata.name}'",
  );
}

/** Splits a template into texts and the contents of braces. Braces within quotes do not count. */
function* partsOf(template: string): Generator<{ readonly text: string } | { readonly expression: string }> {
  let at = 0;
  while (at < template.length) {
    const start = template.indexOf('{', at);
    if (start < 0) break;
    if (start > at) yield { text: template.slice(at, start) };
    const end = closing(template, start + 1, '}');
    if (end < 0) throw faulty(template, 'a brace is not closed');
    yield { expression: template.slice(start + 1, end).trim() };
    at = end + 1;
  }
  if (at < template.length) yield { text: template.slice(at) };
}

/**
 * Finds the character that closes a bracket, outside of quotes and nested brackets. Returns its position, or -1 if
 * there is none.
 */
function closing(text: string, from: number, close: '}' | ']' | ')'): number {
  const opens = { '}': '{', ']': '[', ')': '(' }[close];
  let depth = 0;
  let quote = '';
  for (let index = from; index < text.length; index += 1) {
    const char = text[index]!;
    if (quote) {
      if (char === '\\') index += 1;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === opens) depth += 1;
    else if (char === close) {
      if (depth === 0) return index;
      depth -= 1;
    }
  }
  return -1;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/gs, (_match, char: string) => escapes[char] ?? char);
}

function parsePath(expression: string, template: string): Path {
  let rest = expression;
  const absolute = rest.startsWith('$');
  if (/^[$@]/.test(rest)) rest = rest.slice(1);
  const steps: Step[] = [];
  while (rest !== '') {
    if (rest.startsWith('..')) {
      steps.push({ kind: 'recursive' });
      rest = rest.slice(rest[2] === '[' ? 2 : 1);
      continue;
    }
    if (rest.startsWith('.*')) {
      steps.push({ kind: 'wildcard' });
      rest = rest.slice(2);
      continue;
    }
    const field = /^\.((?:\\.|[^.[\\\s])+)/s.exec(rest);
    if (field) {
      steps.push({ kind: 'field', names: [field[1]!.replaceAll(/\\(.)/gs, '$1')] });
      rest = rest.slice(field[0].length);
      continue;
    }
    // A single dot denotes the value itself.
    if (rest === '.') break;
    if (!rest.startsWith('[')) throw faulty(template, `unexpected ${JSON.stringify(rest)}`);
    const end = closing(rest, 1, ']');
    if (end < 0) throw faulty(template, 'a bracket is not closed');
    steps.push(parseBracket(rest.slice(1, end).trim(), template));
    rest = rest.slice(end + 1);
  }
  return { absolute, steps };
}

function parseBracket(text: string, template: string): Step {
  if (text === '*') return { kind: 'wildcard' };
  const filter = /^\?\((.*)\)$/s.exec(text)?.[1];
  if (filter !== undefined) return parseFilter(filter.trim(), template);
  const slice = /^(-?\d+)?:(-?\d+)?(?::(\d+))?$/.exec(text);
  if (slice) {
    const [, from, to, step] = slice;
    const number = (digits: string | undefined): number | undefined =>
      digits === undefined ? undefined : Number(digits);
    return { kind: 'slice', from: number(from), to: number(to), step: Number(step ?? 1) || 1 };
  }
  const items = text.match(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^,\s]+/gs) ?? [];
  if (items.length > 0 && items.every((item) => /^-?\d+$/.test(item)))
    return { kind: 'indexes', indexes: items.map(Number) };
  if (items.length > 0 && items.every((item) => /^(['"]).*\1$/s.test(item)))
    return { kind: 'field', names: items.map(unquoted) };
  throw faulty(template, `unexpected [${text}]`);
}

function parseFilter(text: string, template: string): Step {
  const match = /^(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*)$/s.exec(text);
  if (!match) return { kind: 'filter', left: parseOperand(text, template) };
  const [, left = '', operator, right = ''] = match;
  return {
    kind: 'filter',
    left: parseOperand(left, template),
    operator: operator as Operator,
    right: parseOperand(right, template),
  };
}

function parseOperand(text: string, template: string): Operand {
  if (/^[@$]/.test(text)) return { path: parsePath(text, template) };
  if (/^(["']).*\1$/s.test(text)) return { literal: unquoted(text) };
  if (text === 'true' || text === 'false') return { literal: text === 'true' };
  if (/^-?\d+(\.\d+)?$/.test(text)) return { literal: Number(text) };
  throw faulty(template, `unexpected ${JSON.stringify(text)} in a filter`);
}

/** Returns the values at a path. A missing field yields no value, as in kubectl. */
function find(path: Path, value: unknown, root: unknown): readonly unknown[] {
  return path.steps.reduce<readonly unknown[]>(
    (values, step) => values.flatMap((each) => follow(step, each, root)),
    [path.absolute ? root : value],
  );
}

function follow(step: Step, value: unknown, root: unknown): readonly unknown[] {
  switch (step.kind) {
    case 'field':
      return step.names.flatMap((name) => fieldOf(value, name));
    case 'wildcard':
      return childrenOf(value);
    case 'recursive':
      return [value, ...childrenOf(value).flatMap((child) => follow(step, child, root))];
    case 'indexes':
      return Array.isArray(value)
        ? step.indexes.flatMap((index) =>
            index < -value.length || index >= value.length ? [] : [value.at(index)],
          )
        : [];
    case 'slice':
      return Array.isArray(value)
        ? value.slice(step.from, step.to).filter((_item, index) => index % step.step === 0)
        : [];
    case 'filter':
      return (Array.isArray(value) ? value : [value]).filter((item) => matches(step, item, root));
  }
}

function fieldOf(value: unknown, name: string): readonly unknown[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
    return [];
  return [(value as Record<string, unknown>)[name]];
}

function childrenOf(value: unknown): readonly unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

function matches(
  { left, operator, right }: Extract<Step, { kind: 'filter' }>,
  item: unknown,
  root: unknown,
): boolean {
  const valuesOf = (operand: Operand): readonly unknown[] =>
    'path' in operand ? find(operand.path, item, root) : [operand.literal];
  const [one] = valuesOf(left);
  if (!operator || !right) return one !== undefined;
  const [other] = valuesOf(right);
  if (one === undefined || other === undefined) return false;
  return comparisons[operator](one, other);
}

const comparisons: Readonly<Record<Operator, (one: unknown, other: unknown) => boolean>> = {
  '==': (one, other) => one === other,
  '!=': (one, other) => one !== other,
  '<': isLess,
  '>': (one, other) => isLess(other, one),
  '<=': (one, other) => one === other || isLess(one, other),
  '>=': (one, other) => one === other || isLess(other, one),
};

function isLess(one: unknown, other: unknown): boolean {
  if (typeof one === 'number' && typeof other === 'number') return one < other;
  return typeof one === 'string' && typeof other === 'string' && one < other;
}
