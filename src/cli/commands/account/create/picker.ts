/**
 * Computes the state of the policy picker (the prompt of `kon account create`) after each key, and renders its screen.
 * Pure.
 */
import { searchPolicies, type NamedPolicy } from '../../../aws/policy-search.ts';
import { paint } from '../../../framework/output/color.ts';

/** AWS managed policy, or customer managed policy of the AWS account. */
export type OfferedPolicy = NamedPolicy & { readonly origin: 'account' | 'aws' };

export type PickerState = {
  readonly text: string;
  /** Policies that match the search text, best match first. */
  readonly matches: readonly OfferedPolicy[];
  /** Index of the highlighted policy among the matches. */
  readonly at: number;
  /**
   * Whether Enter adds the highlighted policy. True after a letter or an arrow key. False at the start, because the
   * user has not highlighted a policy yet. Also false after Tab, which has chosen or removed the highlighted policy.
   */
  readonly isAimed: boolean;
  /** Chosen policies, in the order of choice. */
  readonly chosen: readonly OfferedPolicy[];
  /** Whether the next Escape discards the chosen policies. */
  readonly isLeaving: boolean;
};

export type Key = { readonly name?: string | undefined; readonly ctrl?: boolean; readonly sequence?: string };

export type PickerStep =
  | { readonly kind: 'pick'; readonly state: PickerState }
  /** An empty list means that the user prefers an editor. */
  | { readonly kind: 'picked'; readonly policies: readonly OfferedPolicy[] }
  | { readonly kind: 'cancelled' };

export function startPicker(policies: readonly OfferedPolicy[]): PickerState {
  return { text: '', matches: policies, at: 0, isAimed: false, chosen: [], isLeaving: false };
}

export function pressKey(given: PickerState, key: Key, policies: readonly OfferedPolicy[]): PickerStep {
  const state = { ...given, isLeaving: false };
  const next = (over: Partial<PickerState>): PickerStep => ({ kind: 'pick', state: { ...state, ...over } });
  const search = (text: string): PickerStep =>
    next({
      text,
      matches: text.trim() === '' ? policies : searchPolicies(text, policies),
      at: 0,
      isAimed: text.trim() !== '',
    });
  if (key.ctrl && (key.name === 'c' || key.name === 'd')) return { kind: 'cancelled' };
  switch (key.name) {
    case 'return':
    case 'enter':
      return enter(state);
    case 'escape':
      return escape(given, search);
    case 'tab':
      return toggle(state);
    case 'up':
    case 'down': {
      const { length } = state.matches;
      if (length === 0) return next({});
      return next({ at: (state.at + (key.name === 'up' ? length - 1 : 1)) % length, isAimed: true });
    }
    case 'backspace':
      return search(state.text.slice(0, -1));
    default:
  }
  if (key.ctrl && key.name === 'u') return search('');
  if (key.ctrl && key.name === 'w') return search(state.text.replace(/\S*\s*$/, ''));
  const letter = key.sequence ?? '';
  return /^[\p{L}\p{N}\p{P}\p{S} ]+$/u.test(letter) && !key.ctrl ? search(state.text + letter) : next({});
}

function enter(state: PickerState): PickerStep {
  const aimed = aimedAt(state);
  if (aimed) return { kind: 'picked', policies: [...state.chosen, aimed] };
  if (state.chosen.length > 0 && state.matches.length > 0) return { kind: 'picked', policies: state.chosen };
  // Stays in the picker if the search text matches no policy, because opening the editor would discard the text.
  return state.text === '' ? { kind: 'picked', policies: [] } : { kind: 'pick', state };
}

function escape(state: PickerState, search: (text: string) => PickerStep): PickerStep {
  if (state.text !== '') return search('');
  if (state.chosen.length === 0 || state.isLeaving) return { kind: 'cancelled' };
  return { kind: 'pick', state: { ...state, isLeaving: true } };
}

function toggle(state: PickerState): PickerStep {
  const policy = state.matches[state.at];
  if (!policy) return { kind: 'pick', state };
  const isChosen = state.chosen.includes(policy);
  const chosen = isChosen ? state.chosen.filter((each) => each !== policy) : [...state.chosen, policy];
  return { kind: 'pick', state: { ...state, chosen, isAimed: false } };
}

/** Returns the highlighted policy if Enter adds it to the chosen policies. */
function aimedAt({ matches, at, isAimed, chosen }: PickerState): OfferedPolicy | undefined {
  const policy = matches[at];
  return isAimed && policy && !chosen.includes(policy) ? policy : undefined;
}

export const policyLabel = ({ name, origin }: OfferedPolicy): string =>
  origin === 'aws' ? name : `${name} (your own)`;

/** Maximum number of policies on the screen. */
const shownPolicies = 10;

/** Renders the screen as lines that fit the terminal. */
export function renderPicker(
  state: PickerState,
  {
    account,
    columns,
    color,
  }: { readonly account: string; readonly columns: number; readonly color: boolean },
): readonly string[] {
  const { matches, at, chosen, text } = state;
  const from = Math.min(Math.max(0, at - shownPolicies + 1), Math.max(0, matches.length - shownPolicies));
  const shown = matches.slice(from, from + shownPolicies);
  const more = matches.length - from - shown.length;
  const fit = (line: string): string => (line.length < columns ? line : `${line.slice(0, columns - 2)}…`);
  return [
    paint('bold', fit(`Policies of account "${account}" (choose none to use an editor)`), color),
    fit(`Search: ${text}_`),
    ...(chosen.length > 0 ? wrapped(`Chosen: ${chosen.map(policyLabel).join(', ')}`, columns) : []),
    ...shown.map((policy, index) => {
      const mark = chosen.includes(policy) ? '[x]' : '[ ]';
      const isHere = from + index === at;
      const line = fit(`${isHere ? '>' : ' '} ${mark} ${policyLabel(policy)}  ${policy.arn}`);
      return isHere ? paint('cyan', line, color) : line;
    }),
    ...(more > 0 ? [`      and ${more} more`] : []),
    ...wrapped(hintOf(state), columns).map((line) => paint('dim', line, color)),
  ];
}

/** Describes the effect of Enter, Tab and Esc in the given state. */
function hintOf(state: PickerState): string {
  const { text, matches, chosen, isLeaving } = state;
  const count = chosen.length === 1 ? '1 policy' : `${chosen.length} policies`;
  if (isLeaving) return `Esc again discards ${count}. Any other key continues.`;
  if (matches.length === 0) return 'No policy matches. Esc clears the search.';
  const aimed = aimedAt(state);
  const back = text === '' ? 'Esc: cancel' : 'Esc: clear the search';
  const enterDoes = aimed
    ? `Enter: create the account with ${aimed.name}${chosen.length > 0 ? ` and ${count}` : ''}`
    : chosen.length > 0
      ? `Enter: create the account with ${count}`
      : text === ''
        ? 'Enter: open an editor'
        : 'Enter: no effect, because no policy is chosen yet';
  return `${enterDoes}. Tab: choose several. ${back}.`;
}

/** Wraps a text between words into lines that are shorter than the width of the terminal. */
function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length + 1 < columns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(lines.length === 0 ? word : `  ${word}`);
  }
  return lines.map((line) => (line.length < columns ? line : `${line.slice(0, columns - 2)}…`));
}
