/** Prints how an edit that removes targets affects the pods running there, and asks for consent before the edit cuts off their access. */
import { unlinkNowAnnotation } from '../../api/labels.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import type { App } from '../../api/app.ts';
import type { ClusterConfig } from '../../api/cluster-config.ts';
import type { KonObject } from '../cluster/kinds.ts';
import type { Consent } from '../cluster/objects.ts';
import type { Manifest } from '../manifest/present.ts';
import { removedAppTargets, removedTargets } from './removed-targets.ts';
import { useOfTarget } from './target-use.ts';
import { confirm } from '../framework/confirm.ts';
import type { CliContext } from '../framework/context.ts';

export function consentToRemoval(
  context: CliContext,
  { yes, dryRun }: { readonly yes: boolean; readonly dryRun: boolean },
): Consent<LinkedServiceAccount> {
  let said = '';
  return async (current, next) => {
    const { notes, cutOff } = removedTargets(current, next);
    const text = [...notes, ...cutOff].map((line) => `‼ ${line}\n`).join('');
    // When a write is repeated after a conflict, the user is asked again only if the description of the consequences
    // has changed.
    if (text === said) return;
    said = text;
    context.stderr.write(text);
    if (cutOff.length === 0) return;
    context.stderr.write(
      `‼ the annotation ${unlinkNowAnnotation} also applies the next time that these targets are removed; to remove the annotation later: kubectl annotate lsa ${current.metadata.name} ${unlinkNowAnnotation}-\n`,
    );
    await confirm(context, {
      yes: yes || dryRun,
      what: 'immediately removing the permissions of running pods',
      question: 'Remove the permissions of these pods immediately?',
      declined: 'Nothing was saved.',
    });
  };
}

/**
 * Prints how an apply that removes targets affects the pods running there. Asks once for all objects, before the apply
 * deletes pods, cuts off their access, or removes a target that is in use.
 */
export async function consentToApply(
  context: CliContext,
  changes: readonly { readonly current: KonObject; readonly next: Manifest }[],
  existing: { readonly accounts: readonly LinkedServiceAccount[]; readonly apps: readonly App[] },
  { yes, dryRun }: { readonly yes: boolean; readonly dryRun: boolean },
): Promise<void> {
  const notes: string[] = [];
  const serious: string[] = [];
  for (const { current, next } of changes) {
    if (current.kind === 'LinkedServiceAccount') {
      const removed = removedTargets(current, next);
      notes.push(...removed.notes);
      serious.push(...removed.cutOff);
    } else if (current.kind === 'App') serious.push(...removedAppTargets(current, next));
    else serious.push(...usesOfRemoved(current, next, existing));
  }
  for (const line of [...notes, ...serious]) context.stderr.write(`‼ ${line}\n`);
  if (serious.length === 0) return;
  await confirm(context, {
    yes: yes || dryRun,
    what: 'removing targets in which pods run',
    question: 'Apply the changes anyway?',
    declined: 'Nothing was saved.',
  });
}

/** Lists the uses of targets that the ClusterConfig would no longer contain, one line each. */
function usesOfRemoved(
  { spec }: ClusterConfig,
  next: Pick<Manifest, 'spec'>,
  { accounts, apps }: { readonly accounts: readonly LinkedServiceAccount[]; readonly apps: readonly App[] },
): readonly string[] {
  const kept = (next.spec as ClusterConfig['spec']).targets;
  return spec.targets
    .filter((name) => !kept.includes(name))
    .flatMap((name) => useOfTarget(name, accounts, apps).holders.map(({ text }) => `${name}: ${text}`));
}
