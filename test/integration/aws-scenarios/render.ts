/** Renders the comparison of the emulator with moto. */
import { operationOf } from '../../../sandbox/src/conformance/scenario.ts';
import type { Outcome, Scenario } from '../../../sandbox/src/conformance/scenario.ts';

export function renderComparison(areas: Readonly<Record<string, readonly Scenario[]>>): string {
  const scenarios = Object.values(areas).flat();
  const steps = scenarios.flatMap((scenario) => scenario.steps);
  const different = steps.filter(({ moto }) => moto !== undefined);
  const lines = [
    '# The AWS emulator and moto',
    '',
    'Generated from the scenario table in `sandbox/src/conformance/table/`; a test compares this page with it.',
    '',
    'The scenarios are calls of a stock AWS SDK with the results of AWS. They run against the emulator, which must give the',
    'same results, and against [moto](https://docs.getmoto.org) as a second opinion. For each difference of moto the table',
    'says what and why, and the test asserts that it still exists.',
    '',
    `There are ${scenarios.length} scenarios with ${steps.length} calls; moto differs in ${different.length} of them.`,
    '',
  ];
  for (const [area, list] of Object.entries(areas)) {
    lines.push(`## ${area}`, '', ...list.map(renderScenario), '');
    const rows = list.flatMap(renderDifferences);
    if (rows.length > 0) {
      lines.push('Differences of moto:', '', ...rows, '');
    }
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Renders the calls in order; consecutive calls of the same operation appear once. */
function renderScenario({ name, steps }: Scenario): string {
  const operations = steps.map(operationOf).filter((operation, index, all) => operation !== all[index - 1]);
  return `- ${capitalise(name)}: ${operations.join(', ')}`;
}

function renderDifferences({ name, steps }: Scenario): string[] {
  return steps.flatMap((step) =>
    step.moto
      ? [
          `- ${capitalise(name)}, ${operationOf(step)}: ${step.moto.why} (AWS: ${renderOutcome(step.gives)}; moto: ${renderOutcome(step.moto.gives)})`,
        ]
      : [],
  );
}

function renderOutcome(outcome: Outcome): string {
  if (outcome.kind === 'answer') return 'an answer';
  const { code, status, message } = outcome;
  return typeof message === 'string' ? `\`${code}\` (${status}), \`${message}\`` : `\`${code}\` (${status})`;
}

const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
