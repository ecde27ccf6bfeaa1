/** Formats a line of the operator's log as readable text: time, level, message, then the other fields. */
import { paint, printable, type Style } from '../../framework/output/color.ts';

const levelStyles: Readonly<Record<string, Style>> = {
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
};

/** @param line one JSON object with its line break */
export function textLine(line: string, color: boolean): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const name = String(level);
  const style = levelStyles[name];
  const rest = Object.entries(fields).map(
    ([key, value]) => `${paint('dim', `${key}=`, color)}${shown(value)}`,
  );
  return `${[
    paint('dim', String(time).slice(11, 19), color),
    style ? paint(style, name.padEnd(5), color) : name.padEnd(5),
    String(msg),
    ...rest,
  ].join(' ')}\n`;
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return printable(/[\s"]/.test(text) ? JSON.stringify(text) : text);
}
