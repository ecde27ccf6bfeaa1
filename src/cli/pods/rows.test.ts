import { describe, expect, it } from 'vitest';
import type { AppPod } from '../cluster/app-objects.ts';
import { oldestFirst, podRow } from './rows.ts';

const role = 'arn:aws:iam::1:role/konstellation/kon-test-web';
const wanted = { roleArn: role, audience: 'sts.amazonaws.com' };

function pod(
  options: {
    readonly role?: string;
    readonly born?: string;
    readonly name?: string;
    readonly more?: object;
  } = {},
): AppPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: options.name ?? 'web-1', creationTimestamp: options.born ?? '2026-01-01T00:00:00Z' },
    spec: {
      containers: [
        {
          name: 'web',
          ...(options.role === undefined
            ? {}
            : {
                env: [
                  { name: 'AWS_ROLE_ARN', value: options.role },
                  { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/var/run/aws/token' },
                ],
                volumeMounts: [{ name: 'token', mountPath: '/var/run/aws' }],
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
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'web', restartCount: 2 }],
    },
    ...options.more,
  };
}

describe('the row of a pod', () => {
  it('shows the role that the pod holds, and whether this is the wanted role (current), another role (stale) or no role (uninjected)', () => {
    expect(podRow('production', pod({ role }), wanted)).toMatchObject({
      identity: 'current',
      holds: role,
      ready: true,
      restarts: 2,
    });
    expect(podRow('production', pod({ role: 'arn:aws:iam::1:role/old' }), wanted)).toMatchObject({
      identity: 'stale',
      holds: 'arn:aws:iam::1:role/old',
    });
    expect(podRow('production', pod(), wanted)).toMatchObject({
      identity: 'uninjected',
      holds: "no identity of its own (SDKs fall back to the node's role)",
    });
    expect(podRow('production', pod(), undefined)).toMatchObject({
      identity: 'none wanted',
      holds: undefined,
    });
    expect(podRow('production', pod({ role }), undefined)).toMatchObject({
      identity: 'unexpected',
      holds: role,
    });
    expect(podRow('production', pod({ role }), undefined, 'web')).toMatchObject({
      identity: 'none wanted',
      holds: role,
    });
  });

  it('shows the reason that Kubernetes reports for a waiting, terminated or deleted pod', () => {
    const status = (state: object): object => ({
      status: { phase: 'Pending', containerStatuses: [{ name: 'web', state }] },
    });
    expect(
      podRow('t', pod({ more: status({ waiting: { reason: 'ImagePullBackOff' } }) }), undefined).state,
    ).toBe('ImagePullBackOff');
    expect(
      podRow('t', pod({ more: status({ terminated: { reason: 'OOMKilled', exitCode: 137 } }) }), undefined)
        .state,
    ).toBe('OOMKilled');
    expect(
      podRow(
        't',
        pod({ more: { metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' } } }),
        undefined,
      ).state,
    ).toBe('Terminating');
  });

  it('comes before the rows of younger pods', () => {
    const rows = [
      pod({ name: 'c', born: '2026-01-02T00:00:00Z' }),
      pod({ name: 'b' }),
      pod({ name: 'a' }),
    ].map((each) => podRow('t', each, undefined));
    expect(oldestFirst(rows).map((row) => row.pod.metadata.name)).toEqual(['a', 'b', 'c']);
  });
});
