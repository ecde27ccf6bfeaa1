import { describe, expect, it } from 'vitest';
import type { Pod } from '../../workloads/pod.ts';
import { podsNotCurrent, renderPodsNotCurrent } from './not-current.ts';

const role = 'arn:aws:iam::1:role/konstellation/kon-test-web';
const wanted = { roleArn: role, audience: 'sts.amazonaws.com' };

type Fields = {
  readonly born?: string;
  readonly holds?: string;
  readonly app?: string;
  readonly owner?: string;
  readonly phase?: string;
};

function pod(
  name: string,
  { born = '2026-01-01T00:00:00Z', holds, app, owner, phase = 'Running' }: Fields = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      creationTimestamp: born,
      ...(app === undefined ? {} : { labels: { 'k11n.dev/app': app } }),
      ...(owner === undefined
        ? {}
        : {
            ownerReferences: [{ apiVersion: 'v1', kind: owner, name: 'maker', uid: 'u', controller: true }],
          }),
    },
    spec: {
      containers: [
        {
          name: 'web',
          ...(holds === undefined
            ? {}
            : {
                env: [
                  { name: 'AWS_ROLE_ARN', value: holds },
                  { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/aws/token' },
                ],
                volumeMounts: [{ name: 'token', mountPath: '/aws' }],
              }),
        },
      ],
      volumes: [
        {
          name: 'token',
          projected: { sources: [{ serviceAccountToken: { audience: 'sts.amazonaws.com', path: 'token' } }] },
        },
      ],
    },
    status: { phase },
  };
}

const output = { isTTY: false, color: false, redraws: false, columns: 200, write: () => undefined };
const now = Date.parse('2026-01-02T00:00:00Z');

describe('pods that do not hold the desired identity', () => {
  it('include running pods with another identity or without an identity', () => {
    const found = podsNotCurrent(
      'production',
      [
        pod('right', { holds: role }),
        pod('old', { holds: 'arn:aws:iam::1:role/old' }),
        pod('bare'),
        pod('over', { phase: 'Succeeded' }),
      ],
      wanted,
    );
    expect(found.map((row) => [row.pod.metadata.name, row.identity, row.holds])).toEqual([
      ['old', 'stale', 'arn:aws:iam::1:role/old'],
      ['bare', 'uninjected', "no identity of its own (SDKs fall back to the node's role)"],
    ]);
  });

  it.each([
    [{}, undefined, 'delete and recreate the pod by hand'],
    [{ owner: 'Job' }, 'Job/maker', 'let the Job end, or delete and recreate the Job'],
    [
      { owner: 'ReplicaSet', app: 'web' },
      'app web',
      'the operator replaces the pod; to follow the progress: kon app status web',
    ],
    [
      { owner: 'StatefulSet' },
      'StatefulSet/maker',
      expect.stringContaining('k11n.dev/restart-on-identity-change=true'),
    ],
    [{ owner: 'Workflow' }, 'Workflow/maker', 'delete the pod, so that Workflow maker recreates it'],
  ])('that were created by %o are listed with the next step', (fields, madeBy, next) => {
    expect(podsNotCurrent('production', [pod('a', fields)], wanted)).toMatchObject([{ madeBy, next }]);
  });

  it('are listed, if they bring their own credentials, with the variables that the user has to remove', () => {
    const keyed = { name: 'web', env: [{ name: 'AWS_ACCESS_KEY_ID', valueFrom: { secretKeyRef: {} } }] };
    const made = { ...pod('keyed', { owner: 'StatefulSet' }), spec: { containers: [keyed] } };
    expect(podsNotCurrent('production', [made], wanted)).toMatchObject([
      {
        identity: 'stale',
        holds: 'credentials of its own (AWS_ACCESS_KEY_ID in its env)',
        next: 'remove AWS_ACCESS_KEY_ID from the env of StatefulSet/maker',
      },
    ]);
  });

  it('are listed oldest first, up to 20 of them', () => {
    const many = Array.from({ length: 23 }, (_, index) =>
      pod(`pod-${index}`, { born: `2026-01-01T00:00:${String(59 - index).padStart(2, '0')}Z` }),
    );
    const text = renderPodsNotCurrent(podsNotCurrent('production', many, wanted), now, output);
    const names = [...text.matchAll(/pod-\d+/g)].map(([name]) => name);
    expect(names.slice(0, 2)).toEqual(['pod-22', 'pod-21']);
    expect(names).toHaveLength(20);
    expect(text).toMatch(/and 3 more\n$/);
  });

  it('produce no output when there are none', () => {
    expect(renderPodsNotCurrent([], now, output)).toBe('');
  });
});
