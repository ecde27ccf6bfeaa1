import { expect, it } from 'vitest';
import type { KubeObject } from '../../../kube/index.ts';
import { changesSince } from './follow.ts';

const object = (name: string, uid: string, resourceVersion: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, uid, resourceVersion },
});

it('changesSince reports objects that were added, changed or deleted during a gap, and a recreated object as deleted and added', () => {
  const known = new Map(
    [
      object('same', '1', '1'),
      object('changed', '2', '2'),
      object('gone', '3', '3'),
      object('anew', '4', '4'),
    ].map((each) => [each.metadata.name, each]),
  );
  const now = [
    object('same', '1', '1'),
    object('changed', '2', '12'),
    object('anew', '14', '14'),
    object('new', '15', '15'),
  ];
  expect(
    changesSince(known, now).map(
      ({ type, object: { metadata } }) => `${type} ${metadata.name} ${metadata.uid}`,
    ),
  ).toEqual(['DELETED gone 3', 'DELETED anew 4', 'MODIFIED changed 2', 'ADDED anew 14', 'ADDED new 15']);
  expect(changesSince(known, [...known.values()])).toEqual([]);
});
