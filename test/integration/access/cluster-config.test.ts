/** Permissions that a user needs to write a ClusterConfig, which affects all accounts at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rights } from '../../../src/rbac/index.ts';
import { apiVersion, clusterConfigs, crds, type ClusterConfig } from '../../../src/api/index.ts';
import type { KubeClient } from '../../../src/kube/index.ts';
import { eventually } from '../../support/eventually.ts';
import { all, named, operatorIdentity, refusal, startFencedCluster, type FencedCluster } from './harness.ts';

const policy = (name: string): string => `arn:aws:iam::123456789012:policy/${name}`;
const list = (count: number, prefix: string): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

type Rules = { 'x-kubernetes-validations'?: unknown };
type OldSpec = {
  readonly versions: readonly [
    {
      readonly schema: {
        readonly openAPIV3Schema: Rules & {
          readonly properties: { readonly spec: { readonly properties: { readonly targets: Rules } } };
        };
      };
    },
  ];
};
type Aws = ClusterConfig['spec']['aws'];

let fenced: FencedCluster;
let admin: KubeClient;
let userWith: FencedCluster['userWith'];
beforeAll(async () => {
  fenced = await startFencedCluster();
  ({ admin, userWith } = fenced);
}, 180_000);
afterAll(() => fenced?.stop());

let configs = 0;
const config = (spec: { readonly targets?: string[]; readonly aws?: Partial<Aws> } = {}): ClusterConfig => {
  configs += 1;
  return {
    apiVersion,
    kind: 'ClusterConfig',
    metadata: { name: `config-${configs}` },
    spec: {
      targets: spec.targets ?? ['production'],
      aws: {
        region: 'us-west-2',
        rolePath: '/konstellation/',
        driftIntervalSeconds: 60,
        permissionsBoundaryArn: policy('boundary'),
        allowedPolicyArns: [policy('team/*')],
        ...spec.aws,
      },
    },
  };
};
const create = (client: KubeClient, object: ClusterConfig): Promise<ClusterConfig> =>
  client.create<ClusterConfig>(clusterConfigs, object);
const existing = (spec?: Parameters<typeof config>[0]): Promise<ClusterConfig> => create(admin, config(spec));
const change = (client: KubeClient, { metadata: { name } }: ClusterConfig, spec: object): Promise<unknown> =>
  client.patch(clusterConfigs, { name }, { spec }, { type: 'merge' });

describe('a change of a ClusterConfig', () => {
  it('that adds targets requires the right to link each added target', async () => {
    const before = await existing();
    const dev = await userWith(named(rights.link, 'staging'));
    expect(await refusal(change(dev, before, { targets: ['production', 'staging', 'mine'] }))).toContain(
      `user ${dev.user} is not permitted to add the target mine to the cluster: ask for the verb link on targets.k11n.dev/mine`,
    );
    const mine = { op: 'add', path: '/spec/targets/-', value: 'mine' };
    expect(await refusal(dev.patch(clusterConfigs, before.metadata, [mine], { type: 'json' }))).toContain(
      'link on targets.k11n.dev/mine',
    );
    await change(dev, before, { targets: ['staging', 'production'] });
    await change(await userWith(), before, { targets: ['staging'] });
  });

  it('that adds more than 25 targets requires the right to link all targets', async () => {
    const before = await existing();
    const some = await userWith(named(rights.link, ...list(26, 'target-')));
    await change(some, before, { targets: list(25, 'target-') });
    expect(await refusal(change(some, await existing(), { targets: list(26, 'target-') }))).toContain(
      'is not permitted to add that many targets to the cluster: ask for the verb link on targets.k11n.dev/*',
    );
    const lead = await userWith(all(rights.link));
    await change(lead, before, { targets: list(1000, 'target-') });
    await change(await userWith(), before, { targets: list(500, 'target-') });
  });

  it('that adds targets to a long list is checked name by name within the CEL cost limits', async () => {
    const before = await existing({ targets: list(680, 'target-') });
    const targets = [...list(680, 'target-'), ...list(25, 'new-')];
    const most = await userWith(named(rights.link, ...list(24, 'new-')));
    expect(await refusal(change(most, before, { targets }))).toContain(
      'is not permitted to add the target new-24',
    );
    await change(await userWith(named(rights.link, ...list(25, 'new-'))), before, { targets });
  });

  it('to another identity mode requires the right to link all targets', async () => {
    const before = await existing();
    const dev = await userWith(named(rights.link, 'production'));
    for (const identityMode of ['PodIdentity', 'IRSA'])
      expect(await refusal(change(dev, before, { aws: { identityMode } }))).toContain(
        'is not permitted to change how pods get their role in all targets: ask for the verb link on targets.k11n.dev/*',
      );
    await change(await userWith(named(rights.link, '*')), before, { aws: { identityMode: 'PodIdentity' } });
    expect(await refusal(change(dev, before, { aws: { identityMode: null } }))).toContain('link on');
  });

  it('that sets a permissions boundary requires the right to set that boundary, and a removal requires the right to set any boundary', async () => {
    const before = await existing();
    const dev = await userWith(named(rights.bound, policy('other')));
    expect(await refusal(change(dev, before, { aws: { permissionsBoundaryArn: policy('z') } }))).toContain(
      `is not permitted to make ${policy('z')} the permissions boundary of all roles of the cluster: ask for the verb bound on iampolicies.k11n.dev/${policy('z')}`,
    );
    expect(await refusal(change(dev, before, { aws: { permissionsBoundaryArn: null } }))).toContain(
      'is not permitted to loosen the limits of all roles of the cluster: ask for the verb bound on iampolicies.k11n.dev/*',
    );
    await change(dev, before, { aws: { permissionsBoundaryArn: policy('other') } });
    await change(await userWith(all(rights.bound)), before, { aws: { permissionsBoundaryArn: null } });
  });

  it('that edits the field strictInline requires the right to set any permissions boundary', async () => {
    const before = await existing();
    for (const strictInline of [true, false]) {
      expect(
        await refusal(change(await userWith(), before, { aws: { strictInline } })).catch(String),
      ).toEqual(
        strictInline ? expect.stringContaining('bound on iampolicies.k11n.dev/*') : 'Error: it was admitted',
      );
    }
    await change(await userWith(named(rights.bound, '*')), before, { aws: { strictInline: true } });
    for (const strictInline of [false, null])
      expect(await refusal(change(await userWith(), before, { aws: { strictInline } }))).toContain(
        'bound on iampolicies.k11n.dev/*',
      );
  });

  it('that allows statements requires the right to grant all actions, and a change that forbids statements requires no right', async () => {
    const before = await existing();
    const allow = { aws: { allowStatements: true } };
    expect(await refusal(change(await userWith(all(rights.attach)), before, allow))).toContain(
      'is not permitted to allow accounts to have their own statements: ask for the verb grant on iamactions.k11n.dev/*',
    );
    await change(await userWith(named(rights.grant, '*')), before, allow);
    await change(await userWith(), before, { aws: { allowStatements: false } });
  });

  it('that adds policy patterns requires the right to attach each added pattern; a removal of the list requires the right to attach all policies', async () => {
    const before = await existing();
    const patterns = (...allowedPolicyArns: string[]): object => ({ aws: { allowedPolicyArns } });
    const dev = await userWith(named(rights.attach, policy('more/*')));
    expect(await refusal(change(dev, before, patterns(policy('*'))))).toContain(
      `is not permitted to allow accounts to attach ${policy('*')}: ask for the verb attach on iampolicies.k11n.dev/${policy('*')}`,
    );
    expect(await refusal(change(dev, before, patterns('*')))).toContain(
      'is not permitted to allow accounts to attach any policy: ask for the verb attach on iampolicies.k11n.dev/*',
    );
    expect(await refusal(change(dev, before, { aws: { allowedPolicyArns: null } }))).toContain(
      'attach on iampolicies.k11n.dev/*',
    );
    await change(dev, before, patterns(policy('more/*'), policy('team/*')));
    // An empty list of patterns allows no policy, so this change needs no right. Other tests check which policies the
    // operator then detaches.
    await change(await userWith(), before, patterns());
    expect(await refusal(change(await userWith(), before, { aws: { allowedPolicyArns: null } }))).toContain(
      'attach on iampolicies.k11n.dev/*',
    );
    await change(await userWith(named(rights.attach, '*')), before, { aws: { allowedPolicyArns: null } });
    await change(await userWith(), before, patterns(policy('x')));
  });

  it('that adds more than 25 policy patterns requires the right to attach all policies', async () => {
    const patterns = (count: number): object => ({
      aws: { allowedPolicyArns: list(count, policy('team-')) },
    });
    const dev = await userWith(named(rights.attach, ...list(26, policy('team-'))));
    await change(dev, await existing(), patterns(25));
    const before = await existing();
    expect(await refusal(change(dev, before, patterns(26)))).toContain('attach on iampolicies.k11n.dev/*');
    await change(await userWith(all(rights.attach)), before, patterns(200));
  });

  it('requires the right to set each tag that is added, changed or removed', async () => {
    const before = await existing({ aws: { tags: { team: 'payments', stage: 'test' } } });
    const dev = await userWith(named(rights.tag, 'stage', 'cost'));
    for (const tags of [{ team: 'orders' }, { team: null }, { other: 'x' }])
      expect(await refusal(change(dev, before, { aws: { tags } }))).toMatch(
        /is not permitted to set tags of all roles of the cluster \((team|other)\): ask for the verb tag on iamtags\.k11n\.dev\/\1/,
      );
    await change(dev, before, { aws: { tags: { stage: null, cost: '7' } } });
    // The message names several keys in any order, because the API server iterates over a map in a different order each
    // time.
    const removal = await refusal(change(dev, before, { aws: { tags: null } }));
    expect(removal).toContain('iamtags.k11n.dev/team');
    expect(removal).toContain('iamtags.k11n.dev/cost');
  });

  it.each([
    ['region', 'eu-west-1'],
    ['accountId', '123456789012'],
    ['clusterName', 'other'],
    ['oidcIssuer', 'https://oidc.example.org/other'],
    ['rolePath', '/other/'],
  ])('that edits the field %s requires the right to claim all roles', async (field, value) => {
    const before = await existing();
    const aws = { [field]: value };
    expect(await refusal(change(await userWith(named(rights.claim, 'x')), before, { aws }))).toContain(
      'is not permitted to change which IAM roles belong to the cluster: ask for the verb claim on iamroles.k11n.dev/*',
    );
    await change(await userWith(named(rights.claim, '*')), before, { aws });
    if (field === 'region') return;
    expect(await refusal(change(await userWith(), before, { aws: { [field]: null } }))).toContain('claim on');
  });

  it('that edits only intervals, labels or the status requires no right', async () => {
    const before = await existing();
    const dev = await userWith({ verb: 'patch', resource: 'clusterconfigs/status' });
    await change(dev, before, { aws: { driftIntervalSeconds: 30 } });
    const merge = { type: 'merge' } as const;
    await dev.patch(clusterConfigs, before.metadata, { metadata: { labels: { a: 'b' } } }, merge);
    await dev.patch(
      clusterConfigs,
      before.metadata,
      { status: { observedGeneration: 1 } },
      { ...merge, subresource: 'status' },
    );
  });

  it('that edits all fields at once is checked within the CEL cost limits', async () => {
    const before = await existing();
    const tags = Object.fromEntries(list(20, 'key-').map((key) => [key, 'value']));
    const spec = {
      targets: [...before.spec.targets, ...list(25, 'target-')],
      aws: {
        region: 'eu-west-1',
        clusterName: 'other',
        allowedPolicyArns: list(25, policy('team-a/policy-with-a-name-as-long-as-they-get-in-practice-')),
        permissionsBoundaryArn: policy('other'),
        strictInline: true,
        allowStatements: true,
        tags,
      },
    };
    const grants = [all(rights.bound), all(rights.claim), all(rights.grant)] as const;
    const dev = await userWith(
      ...grants,
      named(rights.link, ...list(25, 'target-')),
      named(rights.attach, ...spec.aws.allowedPolicyArns),
      named(rights.tag, ...Object.keys(tags)),
    );
    await change(dev, before, spec);
  });
});

describe('a new ClusterConfig', () => {
  it('requires all rights for what its fields allow: targets, policies, boundaries, tags, roles and statements', async () => {
    const every = [
      all(rights.link),
      all(rights.attach),
      all(rights.bound),
      all(rights.tag),
      all(rights.claim),
      all(rights.grant),
    ];
    const open = config({ aws: { tags: { team: 'a' }, allowStatements: true } });
    const { permissionsBoundaryArn: _, allowedPolicyArns: __, ...aws } = open.spec.aws;
    const object = { ...open, spec: { ...open.spec, aws } };
    for (const [index, missing] of [
      'link on targets.k11n.dev/production',
      'attach on iampolicies.k11n.dev/*',
      'bound on iampolicies.k11n.dev/*',
      'tag on iamtags.k11n.dev/team',
      'claim on iamroles.k11n.dev/*',
      'grant on iamactions.k11n.dev/*',
    ].entries()) {
      const dev = await userWith(...every.filter((_right, at) => at !== index));
      expect(await refusal(create(dev, object))).toContain(missing);
    }
    await create(await userWith(...every), object);
  });
});

describe('a reserved namespace', () => {
  const reservedNames = ['default', 'kube-system', 'kube-public', 'kube-anything'];

  it.each(reservedNames)('is refused as a target: %s', async (name) => {
    const before = await existing();
    const message = 'default and kube-* are reserved for Kubernetes';
    await expect(change(admin, before, { targets: ['production', name] })).rejects.toThrow(message);
    await expect(create(admin, config({ targets: ['production', name] }))).rejects.toThrow(message);
  });

  it('where the operator runs is refused as a target', async () => {
    const message = `the namespace ${operatorIdentity.namespace} cannot be a target: the operator itself runs in it`;
    const before = await existing();
    const targets = ['production', operatorIdentity.namespace];
    await expect(change(admin, before, { targets })).rejects.toThrow(message);
    await expect(create(admin, config({ targets }))).rejects.toThrow(message);
    await change(admin, before, { targets: ['production', 'kubeless', 'default-2'] });
  });

  it('that an earlier schema accepted as a target can stay in the list of targets, and other fields of the ClusterConfig can still be edited', async () => {
    // The schema of v0.1.0 had no validation rules.
    const old = structuredClone(crds().filter(({ metadata }) => metadata.name.startsWith('clusterconfigs.')));
    for (const { spec } of old) {
      const schema = (spec as unknown as OldSpec).versions[0].schema.openAPIV3Schema;
      delete schema['x-kubernetes-validations'];
      delete schema.properties.spec.properties.targets['x-kubernetes-validations'];
    }
    await fenced.apply(old);
    const targets = ['production', 'kube-system', 'default'];
    const before = config({ targets });
    await eventually('the schema of before', async () => {
      try {
        return await create(admin, before);
      } catch (error) {
        if (error instanceof Error && error.message.includes('reserved for Kubernetes')) return undefined;
        throw error;
      }
    });
    await fenced.apply(crds());
    const add = (...more: string[]): Promise<unknown> =>
      change(admin, before, { targets: [...targets, ...more] });
    await eventually('the schema of now', async () => {
      try {
        await add('kube-public');
      } catch (error) {
        return error instanceof Error && error.message.includes('reserved for Kubernetes') ? true : undefined;
      }
      await change(admin, before, { targets });
      return undefined;
    });
    await add('staging');
    await change(admin, before, { aws: { driftIntervalSeconds: 30 } });
    await admin.patch(
      clusterConfigs,
      before.metadata,
      { status: { observedGeneration: 1 } },
      { type: 'merge', subresource: 'status' },
    );
    await change(admin, before, { targets: ['production', 'default'] });
    await expect(change(admin, before, { targets })).rejects.toThrow('reserved for Kubernetes');
  });
});
