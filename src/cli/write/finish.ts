/** What follows each write: its result, and the wait until it is true. */
import type { KubeClient } from '../../kube/index.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { nameOf, type Kind, type KonObject } from '../kinds.ts';
import { isMachineFormat, renderObject } from '../output/objects.ts';
import { waitUntilReady } from '../wait/wait.ts';

export type WaitInput = { readonly noWait: boolean; readonly timeout: number };

export async function finishWrite<T extends KonObject>(
  context: CliContext,
  client: KubeClient,
  kind: Kind<T>,
  result: { readonly object: T; readonly did: 'created' | 'edited' | 'unchanged' },
  wait: WaitInput,
): Promise<ExitCode> {
  const { object, did } = result;
  const { format } = context;
  if (!isMachineFormat(format)) context.stdout.write(`${nameOf(kind, object.metadata.name)} ${did}\n`);
  const final = wait.noWait
    ? object
    : await waitUntilReady(context, client, kind, object, { timeoutMs: wait.timeout });
  if (isMachineFormat(format)) context.stdout.write(renderObject(final, format));
  return exitCodes.ok;
}
