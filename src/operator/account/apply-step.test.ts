/** Tests the checks that a step makes at the API server before it writes. */
import { describe, expect, it } from 'vitest';
import type { LinkedServiceAccount, Quarantine } from '../../api/index.ts';
import { podDenialDocument, type Step } from '../../identity/index.ts';
import type { KubeClient } from '../../kube/index.ts';
import { applyStep } from './apply-step.ts';
import type { StepTools } from './step-tools.ts';

const account = { metadata: { name: 'payments' } } as LinkedServiceAccount;

const quarantineOf = (name: string, uid: string): Quarantine => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'Quarantine',
  metadata: { name: `${name}-${uid}` },
  spec: { account: name, pods: [{ uid }] },
});

/**
 * Applies a step while the API server returns the given Quarantines. Returns the names of the inline policies that the
 * step wrote or removed.
 */
async function written(step: Step, ...items: readonly Quarantine[]): Promise<readonly string[]> {
  const names: string[] = [];
  const tools = {
    client: { list: async () => ({ items }) } as unknown as KubeClient,
    roles: {
      putInlinePolicy: async (_role: string, name: string) => void names.push(`put ${name}`),
      deleteInlinePolicy: async (_role: string, name: string) => void names.push(`delete ${name}`),
    },
    roleCache: { applied: () => undefined, failed: () => undefined },
  } as unknown as StepTools;
  await applyStep(step, account, tools, new AbortController().signal);
  return names;
}

const removal: Step = { kind: 'DeletePodDenial', role: 'r' };
const denial: Step = { kind: 'PutPodDenial', role: 'r', document: podDenialDocument(['a']) };

describe('the inline policy that denies quarantined pods', () => {
  it('is written or removed if no Quarantine at the API server names another pod of the account', async () => {
    expect(await written(denial, quarantineOf('payments', 'a'), quarantineOf('orders', 'b'))).toEqual([
      'put konstellation-quarantine',
    ]);
    expect(await written(removal, quarantineOf('orders', 'b'))).toEqual(['delete konstellation-quarantine']);
  });

  it.each([
    ['removed', removal, 'a'],
    ['written', denial, 'b'],
  ] as const)(
    'is not %s while a Quarantine at the API server names a pod that the watch has not reported',
    async (_, step, uid) => {
      await expect(written(step, quarantineOf('payments', uid))).rejects.toMatchObject({
        code: 'KubernetesConflict',
      });
    },
  );
});
