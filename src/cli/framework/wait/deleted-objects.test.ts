import { describe, expect, it } from 'vitest';
import { describeBlockers } from './deleted-objects.ts';

const deleting = { deletionTimestamp: '2026-01-01T00:00:00Z' };
const namespace = (more: object): Parameters<typeof describeBlockers>[0] => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'konstellation', ...deleting },
  ...more,
});

describe('describeBlockers', () => {
  it('names no blocker when the object has no finalizers or conditions', () => {
    expect(describeBlockers(namespace({ metadata: { name: 'konstellation' } }))).toBe(
      'deletion was requested',
    );
    expect(describeBlockers(namespace({}))).toBe('about to be deleted');
  });

  it("names a finalizer, with the message of the object's conditions", () => {
    const conditions = [
      { type: 'NamespaceDeletionContentFailure', status: 'False', message: 'All content was deleted' },
      { type: 'NamespaceFinalizersRemaining', status: 'True', message: 'foo/bar in 1 resource instances' },
    ];
    const held = namespace({ spec: { finalizers: ['kubernetes'] }, status: { conditions } });
    expect(describeBlockers(held)).toBe(
      'held up by the finalizer kubernetes; foo/bar in 1 resource instances',
    );
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'x', ...deleting, finalizers: ['a', 'b'] },
      status: { conditions: [{ type: 'Established', status: 'True', message: 'accepted' }] },
    };
    expect(describeBlockers(crd)).toBe('held up by the finalizer a, b');
  });
});
