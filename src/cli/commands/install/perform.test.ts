import { expect, it } from 'vitest';
import { IdentityError } from '../../../identity/index.ts';
import type { KubeClient } from '../../../kube/index.ts';
import type { CliContext } from '../../framework/context.ts';
import type { Step } from '../../installation/steps.ts';
import type { Installation } from './installation.ts';
import { performAll } from './perform.ts';

const context = {
  stderr: { write: () => true, color: false },
  signal: new AbortController().signal,
} as unknown as CliContext;
const denied = (): never => {
  throw new IdentityError('AccessDenied', 'iam:PutRolePolicy is denied');
};
const perform = (...steps: readonly Step[]): Promise<void> =>
  performAll(context, {} as KubeClient, {} as Installation, [() => Promise.resolve(steps)]);

it('an installation whose step fails halfway reports the finished steps and the completed part of that step', async () => {
  const provider: Step = { object: 'OIDC provider', state: 'missing', perform: () => Promise.resolve() };
  const role: Step = {
    object: 'IAM role konstellation',
    state: 'missing',
    perform: (did) => {
      did('IAM role konstellation (without its policy)');
      return Promise.resolve().then(denied);
    },
  };
  await expect(perform(provider, role)).rejects.toMatchObject({
    details: expect.arrayContaining([
      'Done before this error: OIDC provider, IAM role konstellation (without its policy).',
    ]),
  });
  await expect(perform({ ...role, perform: () => Promise.resolve().then(denied) })).rejects.toMatchObject({
    details: expect.arrayContaining(['No step was done before this error.']),
  });
});
