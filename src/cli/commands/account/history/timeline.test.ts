import { expect, it } from 'vitest';
import { timeline } from './timeline.ts';

it('the timeline of an object contains its Events, condition transitions and writes in order of time', () => {
  const condition = { status: 'False', message: 'm', observedGeneration: 1 } as const;
  const happened = timeline(
    {
      metadata: {
        creationTimestamp: '2026-01-01T00:00:00Z',
        managedFields: [
          { manager: 'kon', time: '2026-01-01T00:05:00Z', fieldsV1: { 'f:spec': {} } },
          { manager: 'konstellation', time: '2026-01-01T00:06:00Z', fieldsV1: { 'f:metadata': {} } },
          {
            manager: 'konstellation',
            time: '2026-01-01T00:07:00Z',
            subresource: 'status',
            fieldsV1: { 'f:spec': {} },
          },
        ],
      },
      status: {
        conditions: [
          { ...condition, type: 'Ready', reason: 'RoleDrifted', lastTransitionTime: '2026-01-01T00:03:00Z' },
        ],
      },
    },
    [
      {
        type: 'Normal',
        reason: 'RoleCreated',
        message: 'made',
        lastSeen: '2026-01-01T00:01:00.5Z',
        count: 1,
      },
      { type: 'Warning', reason: 'Drift', message: 'again', lastSeen: '2026-01-01T00:04:00Z', count: 3 },
    ],
  );
  expect(happened.map(({ kind, reason, count, warning }) => [kind, reason, count, warning])).toEqual([
    ['Written', 'Created', undefined, false],
    ['Event', 'RoleCreated', undefined, false],
    ['Condition', 'Ready=False', undefined, true],
    ['Event', 'Drift', 3, true],
    ['Written', 'SpecWritten', undefined, false],
  ]);
});
