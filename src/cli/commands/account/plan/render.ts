/** Renders a plan as text, with the marks `+` for created, `~` for changed and `-` for removed. Pure. */
import { problemText, type Problem } from '../../../framework/wait/progress.ts';
import { paint, printable, type Style } from '../../../framework/output/color.ts';
import { lineDifference } from '../../../manifest/difference.ts';
import type { AffectedPod, Change } from './changes.ts';

export type AccountPlanView = {
  readonly account: string;
  readonly cluster: string;
  readonly accountId: string;
  readonly changes: readonly Change[];
  readonly pods: readonly AffectedPod[];
  /** Changes by other writers that the plan would repair. */
  readonly drift: readonly string[];
  /** Problems that would remain after the plan. */
  readonly problems: readonly Problem[];
};

const marks: Readonly<Record<Change['action'], readonly [string, Style]>> = {
  create: ['+', 'green'],
  update: ['~', 'yellow'],
  delete: ['-', 'red'],
};

/** Sections in display order. */
const titles: Readonly<Record<Change['system'], string>> = {
  iam: 'IAM',
  eks: 'EKS',
  kubernetes: 'Kubernetes',
};

export function renderPlan(plan: AccountPlanView, color: boolean): string {
  const { account, cluster, accountId, changes } = plan;
  const title = (text: string): string => `\n${paint('bold', text, color)}\n`;
  const parts = [`Account ${account} on the cluster ${cluster}, AWS account ${accountId}\n`];
  if (plan.drift.length > 0)
    parts.push(
      title('Changed outside Konstellation:'),
      ...plan.drift.map((text) => `  ${printable(text)}\n`),
    );
  for (const [system, name] of Object.entries(titles)) {
    const own = changes.filter((change) => change.system === system);
    if (own.length === 0) continue;
    parts.push(title(`${name}:`));
    for (const change of own) parts.push(changeLines(change, color));
  }
  if (plan.pods.length > 0) {
    parts.push(title('Pods:'));
    for (const pod of plan.pods) {
      const workload = pod.workload === undefined ? '' : ` (${pod.workload})`;
      const fate = pod.replaced
        ? 'is replaced after the new identity is proven'
        : 'is not replaced automatically, and keeps its identity until its workload is restarted or the pod is deleted';
      parts.push(`  ${paint('yellow', '~', color)} ${pod.namespace}/${pod.name}${workload} ${fate}\n`);
    }
  }
  if (plan.problems.length > 0)
    parts.push(
      title('In the way:'),
      ...plan.problems.map((problem) => `  ${paint('red', '×', color)} ${printable(problemText(problem))}\n`),
    );
  const count = (action: Change['action']): number =>
    changes.filter((change) => change.action === action).length;
  parts.push(
    changes.length === 0
      ? '\nNothing to change.\n'
      : `\n${count('create')} to create, ${count('update')} to change, ${count('delete')} to remove.\n`,
  );
  return parts.join('');
}

function changeLines(change: Change, color: boolean): string {
  const [mark, style] = marks[change.action];
  const lines = [`  ${paint(style, mark, color)} ${printable(`${change.object}: ${change.summary}`)}\n`];
  const before = change.before?.split('\n') ?? [];
  const after = change.after?.split('\n') ?? [];
  for (const { mark: each, text } of lineDifference(before, after)) {
    const [lineMark, lineStyle] =
      each === ' ' ? [' ', undefined] : each === '+' ? marks.create : marks.delete;
    // Shows no marks on the lines of a new document, because every line would have the same mark.
    const shown = `${before.length === 0 ? ' ' : lineMark} ${printable(text)}`;
    lines.push(`      ${lineStyle && before.length > 0 ? paint(lineStyle, shown, color) : shown}\n`);
  }
  return lines.join('');
}
