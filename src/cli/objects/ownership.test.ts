import { describe, expect, it } from 'vitest';
import type { ManagedFieldsEntry } from '../../k8s/metadata.ts';
import { adoptUpdates } from './ownership.ts';

const entry = (
  manager: string,
  operation: 'Apply' | 'Update',
  fieldsV1: Readonly<Record<string, unknown>>,
  more: Partial<ManagedFieldsEntry> = {},
): ManagedFieldsEntry => ({
  manager,
  operation,
  apiVersion: 'k11n.dev/v1alpha1',
  fieldsType: 'FieldsV1',
  fieldsV1,
  ...more,
});

describe('adoptUpdates', () => {
  it('returns undefined if the field manager has made no updates', () => {
    expect(adoptUpdates([], 'kon')).toBeUndefined();
    expect(adoptUpdates([entry('kon', 'Apply', {}), entry('kubectl', 'Update', {})], 'kon')).toBeUndefined();
    expect(adoptUpdates([entry('kon', 'Update', {}, { subresource: 'status' })], 'kon')).toBeUndefined();
  });

  it("merges the field manager's updates and earlier applies into one apply, and leaves other managers unchanged", () => {
    const other = entry('konstellation', 'Update', { 'f:status': {} }, { subresource: 'status' });
    expect(
      adoptUpdates(
        [
          entry('kon', 'Apply', { 'f:spec': { 'f:aws': { 'f:policyArns': { 'v:"a"': {} } } } }),
          other,
          entry('kon', 'Update', {
            'f:spec': {
              '.': {},
              'f:aws': { '.': {}, 'f:policyArns': { '.': {}, 'v:"b"': {} } },
              'f:x': { '.': {} },
            },
          }),
        ],
        'kon',
      ),
    ).toEqual([
      entry('kon', 'Apply', {
        'f:spec': { 'f:aws': { 'f:policyArns': { 'v:"a"': {}, 'v:"b"': {} } }, 'f:x': {} },
      }),
      other,
    ]);
  });
});
