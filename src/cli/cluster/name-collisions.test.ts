import { expect, test } from 'vitest';
import { crds } from '../../api/crds.ts';
import { describeCollision, nameCollisions, type NamedCrd } from './name-collisions.ts';

const crd = (name: string, names: NonNullable<NonNullable<NamedCrd['spec']>['names']>): NamedCrd => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name },
  spec: { group: name.slice(name.indexOf('.') + 1), names },
});
const argo = crd('applications.argoproj.io', {
  plural: 'applications',
  singular: 'application',
  shortNames: ['app', 'apps'],
});

test('nameCollisions reports that Argo CD also uses the name "apps", and reports no other collision', () => {
  const ours = crds() as unknown as readonly NamedCrd[];
  const [only, ...others] = nameCollisions([...ours, argo]);
  expect(others).toEqual([]);
  expect(only).toEqual({
    name: 'apps',
    other: 'applications.argoproj.io',
    exact: ['apps.k11n.dev', 'kapp'],
  });
  expect(only && describeCollision(only)).toBe(
    '"kubectl get apps" means two things: apps.k11n.dev and applications.argoproj.io. Use exact names: kubectl get apps.k11n.dev or kapp; kubectl get applications.argoproj.io',
  );
});

test('nameCollisions suggests no short name that another kind also uses', () => {
  const other = crd('apps.example.com', { plural: 'apps', singular: 'app', shortNames: ['kapp'] });
  expect(nameCollisions([other]).map(({ name, exact }) => [name, exact])).toEqual([
    ['apps', ['apps.k11n.dev']],
    ['kapp', ['apps.k11n.dev']],
  ]);
  expect(nameCollisions([crd('widgets.example.com', { plural: 'widgets' })])).toEqual([]);
});
