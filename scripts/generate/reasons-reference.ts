import { identityErrors, identityReasons } from '../../src/identity/index.ts';
import {
  appEventReasons,
  gateReasons,
  rolloutReasons,
  summaryReasons,
  targetReasons,
  slotReasons,
  workloadEventReasons,
} from '../../src/workloads/index.ts';
import { meaningOf, type Reason } from '../../src/k8s/reasons.ts';
import { accountEventReasons } from '../../src/identity/steps/event.ts';

/** Generates a page with all reasons of conditions, status rows and Events, from the registries that the code uses. */
export function reasonsReference(): [path: string, content: string][] {
  const errors = Object.entries(identityErrors).map(
    ([code, { meaning, next, retry }]) =>
      `| \`${code}\` | ${meaning} | ${next} | ${retry === 'backoff' ? 'soon' : 'slowly'} |`,
  );
  const page = [
    '<!-- Generated from src/identity and src/operator by `npm run generate`. -->',
    '',
    '# Reasons',
    '',
    'The `reason` of a condition, of a row in a status and of an Event is one of these words. They are contract: scripts may',
    'compare them. The messages beside them are for people and may change.',
    '',
    '## What can go wrong',
    '',
    '| reason | what happened | what to do next | tried again |',
    '| --- | --- | --- | --- |',
    ...errors,
    '',
    '## How an account or a cluster stands',
    '',
    '| reason | meaning | requires an action of yours |',
    '| --- | --- | --- |',
    ...rows(identityReasons),
    '',
    '## What Events about accounts tell',
    '',
    '| reason | meaning |',
    '| --- | --- |',
    ...eventRows(accountEventReasons),
    '',
    '## How an app stands',
    '',
    '| reason | meaning | requires an action of yours |',
    '| --- | --- | --- |',
    ...rows({ ...gateReasons, ...slotReasons, ...rolloutReasons, ...targetReasons, ...summaryReasons }),
    '',
    '## What Events about apps tell',
    '',
    '| reason | meaning |',
    '| --- | --- |',
    ...eventRows(appEventReasons),
    '',
    '## What Events about other workloads tell',
    '',
    '| reason | meaning |',
    '| --- | --- |',
    ...eventRows(workloadEventReasons),
    '',
  ];
  const [comment = '', ...lines] = page;
  return [['docs/reference/reasons.md', [comment, ...lines.map(escapeTags)].join('\n')]];
}

/** Escapes placeholders such as `<account>` outside code. Browsers would treat them as HTML elements and hide them. */
function escapeTags(line: string): string {
  return line.replaceAll(/`[^`]*`|</g, (part) => (part === '<' ? '&lt;' : part));
}

function rows(reasons: Readonly<Record<string, Reason>>): string[] {
  return Object.entries(reasons).map(
    ([name, reason]) => `| \`${name}\` | ${meaningOf(reason)} | ${typeof reason === 'string' ? '' : 'yes'} |`,
  );
}

function eventRows(reasons: Readonly<Record<string, string>>): string[] {
  return Object.entries(reasons).map(([reason, meaning]) => `| \`${reason}\` | ${meaning} |`);
}
