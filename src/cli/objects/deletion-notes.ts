/**
 * Describes a deletion before the user confirms it: the users of the object, the consequences, and effects that cannot
 * be undone. Pure.
 */
import type { App } from '../../api/app.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { runningPods } from './target-use.ts';

/** Returns the lines for the confirmation prompt. `apps` is undefined if the user is not permitted to list apps. */
export type DeletionNotes<T> = (object: T, apps: readonly App[] | undefined) => readonly string[];

const unknownUse = 'You are not permitted to list apps, so it is unknown which apps are affected.';

export const accountDeletionNotes: DeletionNotes<LinkedServiceAccount> = (account, apps) => {
  const { name } = account.metadata;
  const using = apps?.filter(({ spec }) => spec.serviceAccount === name) ?? [];
  const names = using.map(({ metadata }) => metadata.name);
  const pods = (account.status?.targets ?? [])
    .map((target) => ({ target: target.name, running: runningPods(target) }))
    .filter(({ running }) => running > 0);
  return [
    ...(apps === undefined ? [unknownUse] : []),
    ...(pods.length > 0
      ? [
          `In use: ${pods.map(({ target, running }) => `${counted(running, 'running pod')} in ${target}`).join(', ')}. ${waitNote(account)}`,
        ]
      : []),
    ...(names.length > 0
      ? [
          `${counted(names.length, 'app')} ${names.length === 1 ? 'names' : 'name'} the account: ${names.join(', ')}. From now on, no new pod gets its identity, so deploys of ${names.length === 1 ? 'this app' : 'these apps'} wait.`,
          ...names.map(
            (app) => `  To remove the account from the app first: kon app edit ${app} --no-account`,
          ),
        ]
      : []),
    roleNote(account),
    'A requested deletion cannot be cancelled, and the account cannot be changed any more.',
  ];
};

function waitNote({ spec }: LinkedServiceAccount): string {
  return spec.deletionPolicy === 'Retain'
    ? 'The deletion waits for the end of all pods that would lose their access.'
    : 'The deletion waits until these pods end.';
}

function roleNote({ spec, status }: LinkedServiceAccount): string {
  const role = `The role ${status?.roleArn ?? 'in IAM'}`;
  if (spec.deletionPolicy === 'Retain')
    return `${role} stays in IAM, including its policies and its trust policy. Its sessions continue, and new sessions can start. kon account orphans lists the role.`;
  if (spec.aws.adopt === true)
    return `${role} was adopted, so it stays in IAM, including its policies and its trust policy. Its sessions continue, and new sessions can start.`;
  return `${role} is deleted too, which ends its sessions immediately.`;
}

export const appDeletionNotes: DeletionNotes<App> = ({ metadata: { name }, spec, status }, apps) => {
  const dependents = (apps ?? [])
    .filter((app) => app.spec.dependencies?.some((dependency) => dependency.name === name))
    .map((app) => app.metadata.name);
  const ready = (status?.targets ?? []).reduce((sum, target) => sum + (target.readyReplicas ?? 0), 0);
  const targets = spec.targets.map((target) => target.name).join(', ');
  return [
    ...(apps === undefined ? [unknownUse] : []),
    ...(dependents.length > 0
      ? [
          `${counted(dependents.length, 'app')} ${dependents.length === 1 ? 'depends' : 'depend'} on this app, and will not reach it any more after the deletion: ${dependents.join(', ')}.`,
        ]
      : []),
    `Its pods in ${targets} are stopped${ready > 0 ? ` (${ready} ready)` : ''}, and its Services are deleted.`,
    `The deletion cannot be undone. To keep a copy: kon app export ${name} > ${name}.yaml`,
  ];
};

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
