/** Tests that objects stored by earlier versions stay valid. See history/README.md. */
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { crds, schemaVersion, statusOfSchema } from './crds.ts';
import { roleTags } from './linked-service-account.ts';
import { narrowings, schemaNarrowings, type Crd, type Schema } from './testing/narrowings.ts';

const folder = join(import.meta.dirname, 'history');
const earlier = globSync('v*/*.yaml', { cwd: folder }).map((path) => ({
  version: basename(dirname(path)),
  crd: parse(readFileSync(join(folder, path), 'utf8')) as Crd,
}));

/** CRDs that are not part of any release yet. */
const unreleased: readonly string[] = ['quarantines.k11n.dev'];

const tagRules = roleTags.meta()?.['x-kubernetes-validations'] as readonly { readonly rule: string }[];

/**
 * Accepted differences, in the form `version kind problem`. Each comment gives the reason why no stored object becomes
 * invalid.
 */
const excepted: ReadonlySet<string> = new Set([
  // Kubernetes validates only the fields that a write changes (ratcheting), so a stored path stays valid. Paths outside the
  // pattern would put a wildcard, a variable or every role of the AWS account into the operator's IAM policy.
  // https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting
  'v0.1.0 clusterconfigs.k11n.dev .spec.aws.rolePath: pattern "^\\\\/([!-~]+\\\\/)?$" became "^\\\\/([A-Za-z0-9_+=,.@-]+\\\\/)+$"',
  // The new pattern accepts every name that the old pattern accepts, and also the regions of the EU sovereign partition.
  'v0.1.0 clusterconfigs.k11n.dev .spec.aws.region: pattern "^[a-z]{2}(-[a-z]+)+-[0-9]+$" became "^[a-z]{2,4}(-[a-z]+)+-[0-9]+$"',
  // The singular name of Apps was changed from `app`, because `app` is the short name of Argo CD's Applications. Stored
  // objects stay valid, and the names `apps` and `app.k11n.dev` still work.
  'v0.1.0 apps.k11n.dev spec.names changed',
  // Reserved tags could overwrite the ownership tags of roles. A stored object with a reserved tag can still be written while its
  // tags are unchanged (since Kubernetes 1.30, the oldest supported version). The planner ignores such tags.
  // https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting
  ...['clusterconfigs', 'linkedserviceaccounts'].flatMap((plural) =>
    tagRules.map(({ rule }) => `v0.1.0 ${plural}.k11n.dev .spec.aws.tags: there is a new rule: ${rule}`),
  ),
  // When the status becomes atomic, a manager that owns a part of it becomes the owner of the whole status. Only the operator
  // writes the status.
  // https://kubernetes.io/docs/reference/using-api/server-side-apply/#compatibility-across-topology-changes
  ...['clusterconfigs', 'linkedserviceaccounts', 'apps'].map(
    (plural) => `v0.1.0 ${plural}.k11n.dev .status: x-kubernetes-map-type nothing became "atomic"`,
  ),
  // The default status applies only to objects without a status. `observedGeneration: -1` states that the operator has
  // not processed them.
  ...['clusterconfigs', 'linkedserviceaccounts', 'apps'].map(
    (plural) => `v0.1.0 ${plural}.k11n.dev .status: default nothing became {"observedGeneration":-1}`,
  ),
  // These rules apply at creation or compare with the old object, so stored objects stay valid (see test/integration/access).
  "v0.1.0 clusterconfigs.k11n.dev .: there is a new rule: oldSelf.hasValue() || !self.spec.targets.exists(name, name == 'default' || name.startsWith('kube-'))",
  "v0.1.0 clusterconfigs.k11n.dev .spec.targets: there is a new rule: self.all(name, !(name == 'default' || name.startsWith('kube-')) || name in oldSelf)",
  // Every account that v0.1.0 stored has `policyArns` with at most 25 entries: `policyArns` was required, and
  // `policyNames` did not exist.
  'v0.1.0 linkedserviceaccounts.k11n.dev .spec.aws: there is a new rule: has(self.policyArns) || has(self.policyNames) || has(self.statements)',
  'v0.1.0 linkedserviceaccounts.k11n.dev .spec.aws: there is a new rule: (has(self.policyArns) ? self.policyArns.size() : 0) + (has(self.policyNames) ? self.policyNames.size() : 0) <= 25',
  "v0.1.0 linkedserviceaccounts.k11n.dev .: there is a new rule: oldSelf.hasValue() || self.metadata.name != 'default'",
]);

describe('the CRDs', () => {
  it.each(earlier.map(({ version, crd }) => [version, crd.metadata.name, crd] as const))(
    'are at least as permissive as those of %s: %s',
    (version, name, before) => {
      const now = crds().find(({ metadata }) => metadata.name === name) as unknown as Crd | undefined;
      expect(now, `${name} is gone`).toBeDefined();
      if (!now) return;
      expect(
        narrowings(before, now).filter((problem) => !excepted.has(`${version} ${name} ${problem}`)),
      ).toEqual([]);
    },
  );

  it('of all released kinds have an earlier version in the folder `history`', () => {
    expect(new Set([...earlier.map(({ crd }) => crd.metadata.name), ...unreleased])).toEqual(
      new Set(crds().map(({ metadata }) => metadata.name)),
    );
  });
});

it('the status for an older schema contains no fields that the schema does not have', () => {
  const status = { roleId: 'AROA1', attached: '1/1', lastUsed: { trackedSince: '2026-01-01' } };
  expect(statusOfSchema(status, schemaVersion)).toEqual(status);
  expect(statusOfSchema(status, 3)).toEqual({ roleId: 'AROA1', attached: '1/1' });
  expect(statusOfSchema(status, 2)).toEqual({ roleId: 'AROA1' });
});

describe('the detection of stricter schemas', () => {
  const base: Schema = {
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string', maxLength: 63, pattern: '^[a-z]+$' },
      mode: { type: 'string', enum: ['a', 'b'], default: 'a' },
      count: { type: 'integer', minimum: 1, maximum: 10 },
      list: { type: 'array', maxItems: 5, 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
      tags: { type: 'object', additionalProperties: { type: 'string' } },
    },
  };
  const change = (properties: Readonly<Record<string, Schema>>, more: Partial<Schema> = {}): Schema => ({
    ...base,
    ...more,
    properties: { ...base.properties, ...properties },
  });
  const without = (name: string): Schema => {
    const { [name]: _, ...properties } = base.properties ?? {};
    return { ...base, properties };
  };

  it.each<[string, Schema, string]>([
    ['a removed field', without('count'), '.count is gone'],
    ['another type', change({ count: { type: 'string' } }), '.count: type "integer" became "string"'],
    [
      'a value that is gone',
      change({ mode: { type: 'string', enum: ['a'], default: 'a' } }),
      'the values "b" are gone',
    ],
    [
      'an enum that came',
      change({ name: { ...base.properties?.['name'], enum: ['x'] } }),
      'limited to an enum',
    ],
    [
      'another pattern',
      change({ name: { type: 'string', maxLength: 63, pattern: '^x$' } }),
      '.name: pattern',
    ],
    [
      'a lower bound',
      change({ name: { type: 'string', maxLength: 9, pattern: '^[a-z]+$' } }),
      'maxLength 63 became 9',
    ],
    [
      'a higher minimum',
      change({ count: { type: 'integer', minimum: 2, maximum: 10 } }),
      'minimum 1 became 2',
    ],
    [
      'a bound that came',
      change({ tags: { ...base.properties?.['tags'], maxProperties: 2 } }),
      'maxProperties nothing became 2',
    ],
    ['a field that became required', change({}, { required: ['name', 'count'] }), '.count became required'],
    [
      'another default',
      change({ mode: { type: 'string', enum: ['a', 'b'], default: 'b' } }),
      '.mode: default "a" became "b"',
    ],
    [
      'another kind of list',
      change({ list: { ...base.properties?.['list'], 'x-kubernetes-list-type': 'atomic' } }),
      'x-kubernetes-list-type',
    ],
    [
      'items of another type',
      change({ list: { ...base.properties?.['list'], items: { type: 'integer' } } }),
      '.list[]: type',
    ],
    [
      'values of another type',
      change({ tags: { type: 'object', additionalProperties: { type: 'integer' } } }),
      '.tags.*: type',
    ],
    [
      'a rule that came',
      change({}, { 'x-kubernetes-validations': [{ rule: 'self.name != ""' }] }),
      'there is a new rule',
    ],
  ])('reports %s', (_what, after, problem) => {
    expect(schemaNarrowings(base, after, '').join('\n')).toContain(problem);
  });

  it('does not report a more permissive schema', () => {
    const wider = change(
      {
        name: { type: 'string', maxLength: 100, pattern: '^[a-z]+$', description: 'other words' },
        mode: { type: 'string', enum: ['a', 'b', 'c'], default: 'a' },
        count: { type: 'integer', minimum: 0, maximum: 20 },
        added: { type: 'object', required: ['x'], properties: { x: { type: 'string' } } },
        filled: { type: 'string', default: 'x' },
      },
      { required: ['name', 'filled'] },
    );
    expect(schemaNarrowings(base, wider, '')).toEqual([]);
    expect(schemaNarrowings(base, { ...base, required: [] }, '')).toEqual([]);
  });

  it('reports an API version that was removed, was renamed or is no longer stored', () => {
    const crd = (version: object, spec: object = {}): Crd => ({
      metadata: { name: 'x' },
      spec: {
        group: 'k11n.dev',
        scope: 'Cluster',
        versions: [
          { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: base }, ...version },
        ],
        ...spec,
      },
    });
    expect(narrowings(crd({}), crd({ name: 'v2' }))).toEqual(['the version v1 is gone']);
    expect(narrowings(crd({}), crd({ served: false }))).toEqual(['v1 is no longer served']);
    expect(narrowings(crd({}), crd({ storage: false }))).toHaveLength(1);
    expect(narrowings(crd({}), crd({}, { scope: 'Namespaced' }))).toEqual(['spec.scope changed']);
    expect(narrowings(crd({}), crd({}))).toEqual([]);
  });
});
