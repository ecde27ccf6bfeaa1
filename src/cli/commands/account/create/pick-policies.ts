/** Lists the policies that a user can choose, and prompts for them on a terminal, with a search by parts of their names. */
import { emitKeypressEvents, type Interface } from 'node:readline';
import { managedPolicies } from '../../../../aws/catalogue/catalogue.ts';
import { screenPolicies } from '../../../../identity/plan/policies.ts';
import type { KubeClient } from '../../../../kube/index.ts';
import { getClusterFacts, type KnownCluster } from '../../../cluster/cluster-config.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import {
  policyLabel,
  pressKey,
  renderPicker,
  startPicker,
  type Key,
  type OfferedPolicy,
  type PickerStep,
} from './picker.ts';

/** Path of the policies that can be attached only to service-linked roles. */
const serviceLinked = '/aws-service-role/';

/**
 * Timeout in milliseconds for listing customer managed policies. Short, because the user waits for the list, and the
 * SDK searches the network for credentials if it finds none locally.
 */
const patienceMs = 2_000;

/**
 * Returns the offered policies, customer managed policies first. Returns only policies that the ClusterConfig allows,
 * or all policies if the ClusterConfig cannot be read. With `-v`, stderr shows why the policies of the AWS account
 * could not be listed.
 */
export async function offeredPolicies(
  context: CliContext,
  client: KubeClient,
): Promise<readonly OfferedPolicy[]> {
  const known = await getClusterFacts(client).catch(() => undefined);
  const catalogue = managedPolicies(known?.facts.partition)
    .filter(({ path }) => path !== serviceLinked)
    .map(({ name, arn }): OfferedPolicy => ({ name, arn, origin: 'aws' }));
  const own = known ? await ownPolicies(context, known) : [];
  const all = [...own.map((arn) => ({ name: nameOf(arn), arn, origin: 'account' as const })), ...catalogue];
  if (!known) return all;
  const { wanted } = screenPolicies(
    all.map((policy) => policy.arn),
    known.facts,
  );
  const allowed = new Set(wanted);
  return all.filter((policy) => allowed.has(policy.arn));
}

async function ownPolicies(context: CliContext, { facts, region }: KnownCluster): Promise<readonly string[]> {
  const { requireAccount, withAws } = await import('../../../aws/session.ts');
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(patienceMs)]);
  try {
    return await withAws(context, region, async (aws) => {
      await requireAccount({ ...context, signal }, aws, facts);
      return aws.policies.ownArns(signal);
    });
  } catch (error) {
    context.signal.throwIfAborted();
    context.debug(`cannot list the policies of the AWS account: ${String(error)}`);
    return [];
  }
}

const nameOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);

/**
 * An escape character that is not followed by another character within this time (in milliseconds) counts as the Escape key, not
 * as the start of an escape sequence.
 */
const escapeCodeTimeout = 50;

/** @returns the ARNs in the order of selection; empty if the user prefers an editor */
export async function pickPolicies(
  context: CliContext,
  account: string,
  policies: readonly OfferedPolicy[],
): Promise<readonly string[]> {
  const bytes = await context.bytes();
  const keyboard = bytes.keyboard();
  const { stderr, signal } = context;
  let height = 0;
  const draw = (lines: readonly string[]): void => {
    // Moves the cursor to the first line of the previous output, and erases everything from there.
    const clear = height > 0 ? `\u001B[${height}A\u001B[J` : '';
    stderr.write(`${clear}${lines.map((line) => `${line}\n`).join('')}`);
    height = lines.length;
  };
  const raw = (isRaw: boolean): void => {
    if ('setRawMode' in keyboard) (keyboard as NodeJS.ReadStream).setRawMode(isRaw);
    stderr.write(isRaw ? '\u001B[?25l' : '\u001B[?25h');
  };
  let state = startPicker(policies);
  const show = (): void =>
    draw(renderPicker(state, { account, columns: bytes.size().columns, color: stderr.color }));
  const ended = Promise.withResolvers<Exclude<PickerStep, { kind: 'pick' }>>();
  const onKey = (_text: string | undefined, key: Key): void => {
    const step = pressKey(state, key, policies);
    if (step.kind !== 'pick') return ended.resolve(step);
    ({ state } = step);
    show();
  };
  const onAbort = (): void => ended.resolve({ kind: 'cancelled' });
  // `emitKeypressEvents` reads only the timeout from its second argument. A real readline interface is not passed,
  // because it would also draw the input line.
  emitKeypressEvents(keyboard, { escapeCodeTimeout } as unknown as Interface);
  raw(true);
  keyboard.on('keypress', onKey).on('end', onAbort).resume();
  signal.addEventListener('abort', onAbort, { once: true });
  show();
  try {
    const outcome = await ended.promise;
    if (outcome.kind === 'cancelled') {
      draw([]);
      throw new CliError('INTERRUPTED', 'no policy was chosen; the account was not created');
    }
    draw(outcome.policies.length > 0 ? [`Policies: ${outcome.policies.map(policyLabel).join(', ')}`] : []);
    return outcome.policies.map(({ arn }) => arn);
  } finally {
    signal.removeEventListener('abort', onAbort);
    keyboard.off('keypress', onKey).off('end', onAbort).pause();
    raw(false);
  }
}
