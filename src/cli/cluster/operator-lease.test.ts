import { expect, it } from 'vitest';
import type { Lease } from '../../kube/index.ts';
import { leaseSign } from './operator-lease.ts';

const now = Date.parse('2026-01-01T12:00:00Z');
const lease = (written: string | undefined, renewTime: string, holderIdentity = 'one'): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: {
    name: 'konstellation',
    namespace: 'kube-system',
    ...(written === undefined
      ? {}
      : {
          managedFields: [
            { time: '2026-01-01T12:00:00Z', fieldsV1: { 'f:metadata': { 'f:labels': {} } } },
            { time: written, fieldsV1: { 'f:spec': { 'f:renewTime': {} } } },
          ],
        }),
  },
  spec: { holderIdentity, leaseDurationSeconds: 15, renewTime },
});

it.each([
  [
    'a live holder whose clock is ten minutes behind',
    lease('2026-01-01T11:59:57Z', '2026-01-01T11:49:57.0Z'),
    true,
  ],
  [
    'a dead holder whose clock was twenty hours ahead',
    lease('2026-01-01T11:00:00Z', '2026-01-02T07:00:00.0Z'),
    false,
  ],
  [
    'a holder that renewed within the duration',
    lease('2026-01-01T11:59:46Z', '2026-01-01T11:59:46.0Z'),
    true,
  ],
  ['a Lease that was given back', lease('2026-01-01T11:59:59Z', '2026-01-01T11:59:59.0Z', ''), false],
  ['a Lease without a record of writes', lease(undefined, '2026-01-01T11:59:50.0Z'), true],
])(
  "leaseSign uses the API server's clock to decide whether the operator is alive: %s",
  (_what, given, fresh) => {
    expect(leaseSign(given, now).fresh).toBe(fresh);
  },
);
