/**
 * Admission of accounts and apps by the real API server, for users with different permissions to grant and use AWS
 * access.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { rights } from '../../../src/rbac/index.ts';
import {
  apiVersion,
  apps,
  clusterConfigs,
  crds,
  linkedServiceAccounts,
  quarantines,
  type App,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../../src/api/index.ts';
import { resources, type KubeClient, type KubeObject, type Resource } from '../../../src/kube/index.ts';
import { eventually } from '../../support/eventually.ts';
import { all, named, refusal, startFencedCluster, type FencedCluster } from './harness.ts';

const policy = (name: string): string => `arn:aws:iam::123456789012:policy/${name}`;
const policies = (count: number): string[] =>
  Array.from({ length: count }, (_, index) =>
    policy(`team-a/policy-with-a-name-as-long-as-they-get-in-practice-${index}`),
  );
const names = (count: number): string[] =>
  policies(count).map((arn) => arn.replace('arn:aws:iam::123456789012:policy', 'account'));
const targets = (count: number): string[] => Array.from({ length: count }, (_, index) => `target-${index}`);

type Spec = LinkedServiceAccount['spec'];
type SpecInput = Partial<Omit<Spec, 'aws'>> & { readonly aws?: Partial<Spec['aws']> };

type Crd = KubeObject & {
  readonly spec: {
    readonly versions: readonly {
      readonly schema: { readonly openAPIV3Schema: { readonly 'x-kubernetes-validations'?: unknown } };
    }[];
  };
};

let fenced: FencedCluster;
let admin: KubeClient;
let userWith: FencedCluster['userWith'];

let accounts = 0;
const account = ({ aws, ...spec }: SpecInput = {}): LinkedServiceAccount => {
  accounts += 1;
  return {
    apiVersion,
    kind: 'LinkedServiceAccount',
    metadata: { name: `account-${accounts}` },
    spec: {
      deletionPolicy: 'Delete',
      targets: ['production'],
      ...spec,
      aws: { policyArns: [policy('a')], ...aws },
    },
  };
};
const create = (client: KubeClient, object: LinkedServiceAccount): Promise<LinkedServiceAccount> =>
  client.create<LinkedServiceAccount>(linkedServiceAccounts, object);
const existing = (spec?: SpecInput): Promise<LinkedServiceAccount> => create(admin, account(spec));
/** Writes a status as the operator does. */
const report = ({ metadata: { name } }: LinkedServiceAccount, roleArn: string): Promise<unknown> =>
  admin.patch(
    linkedServiceAccounts,
    { name },
    { status: { roleArn } },
    { type: 'merge', subresource: 'status' },
  );
const change = (
  client: KubeClient,
  { metadata: { name } }: LinkedServiceAccount,
  spec: object,
): Promise<unknown> => client.patch(linkedServiceAccounts, { name }, { spec }, { type: 'merge' });

beforeAll(async () => {
  fenced = await startFencedCluster();
  ({ admin, userWith } = fenced);
}, 180_000);
afterAll(() => fenced?.stop());

describe('a new account', () => {
  it('is refused for a user without rights, and the refusal names the right that the user lacks', async () => {
    const dev = await userWith(all(rights.link));
    expect(await refusal(create(dev, account()))).toContain(
      `user ${dev.user} is not permitted to attach ${policy('a')}: ask for the verb attach on iampolicies.k11n.dev/${policy('a')}`,
    );
  });

  it('requires the right to attach each policy that it lists', async () => {
    const dev = await userWith(all(rights.link), named(rights.attach, policy('a'), policy('b')));
    await create(dev, account({ aws: { policyArns: [policy('a'), policy('b')] } }));
    expect(
      await refusal(create(dev, account({ aws: { policyArns: [policy('a'), policy('c'), policy('b')] } }))),
    ).toContain(`is not permitted to attach ${policy('c')}`);
  });

  it('requires a right that names each policy as the account does, by ARN or by name', async () => {
    const dev = await userWith(all(rights.link), named(rights.attach, 'aws/AmazonS3ReadOnlyAccess'));
    const { policyArns: _, ...byName } = {
      ...account().spec.aws,
      policyNames: ['aws/AmazonS3ReadOnlyAccess'],
    };
    const spec = { ...account().spec, aws: byName };
    const created = await create(dev, { ...account(), spec });
    expect(
      await refusal(
        change(dev, created, { aws: { policyNames: ['aws/AmazonS3ReadOnlyAccess', 'account/a'] } }),
      ),
    ).toContain(
      `is not permitted to attach account/a: ask for the verb attach on iampolicies.k11n.dev/account/a`,
    );
    // The right to a policy by its ARN does not include the right to the policy by its name, nor the reverse.
    const byArn = await userWith(all(rights.link), named(rights.attach, policy('a')));
    expect(await refusal(change(byArn, created, { aws: { policyNames: ['account/a'] } }))).toContain(
      'iampolicies.k11n.dev/account/a',
    );
    expect(await refusal(change(dev, created, { aws: { policyArns: [policy('a')] } }))).toContain(
      `iampolicies.k11n.dev/${policy('a')}`,
    );
  });

  it('may list at most 25 policies, whether by ARN or by name', async () => {
    const { policyArns: _, ...none } = account().spec.aws;
    await expect(create(admin, { ...account(), spec: { ...account().spec, aws: none } })).rejects.toThrow(
      'set at least one of policyArns, policyNames and statements; for an account without permissions, set policyArns: []',
    );
    const names = ['aws/a', 'aws/b'];
    await expect(
      create(admin, account({ aws: { policyArns: policies(24), policyNames: names } })),
    ).rejects.toThrow('policyArns and policyNames list at most 25 policies together');
    for (const malformed of ['AmazonS3ReadOnlyAccess', 'aws/', 'other/x', 'account/a b'])
      await expect(create(admin, account({ aws: { policyNames: [malformed] } }))).rejects.toThrow(
        'spec.aws.policyNames',
      );
  });

  describe('an account with statements', () => {
    const statement = (...actions: string[]): object => ({ actions, resources: ['*'] });
    const statementsOf = (...statements: object[]): Partial<Spec['aws']> =>
      ({ policyArns: [], statements }) as Partial<Spec['aws']>;

    it('requires the right to grant the actions of each AWS service that a statement names', async () => {
      const dev = await userWith(all(rights.link), named(rights.grant, 'sqs', 's3'));
      await create(dev, account({ aws: statementsOf(statement('sqs:SendMessage', 's3:Get*', 'sqs:*')) }));
      expect(
        await refusal(create(dev, account({ aws: statementsOf(statement('s3:GetObject', 'iam:PassRole')) }))),
      ).toContain(
        `user ${dev.user} is not permitted to grant actions of the service iam: ask for the verb grant on iamactions.k11n.dev/iam`,
      );
      expect(await refusal(create(dev, account({ aws: statementsOf(statement('*')) })))).toContain(
        'is not permitted to grant actions of all services: ask for the verb grant on iamactions.k11n.dev/*',
      );
      await create(
        await userWith(all(rights.link), all(rights.grant)),
        account({ aws: statementsOf(statement('*')) }),
      );
      // The right to attach policies and the right to write statements do not include each other.
      const attacher = await userWith(all(rights.link), all(rights.attach));
      expect(
        await refusal(create(attacher, account({ aws: statementsOf(statement('s3:GetObject')) }))),
      ).toContain('grant on iamactions.k11n.dev/s3');
    });

    it('requires rights only for statements that a change adds or gives to a new target, and for the targets that get these statements', async () => {
      const before = await existing({ aws: statementsOf(statement('sqs:SendMessage')) });
      const add = { aws: statementsOf(statement('sqs:SendMessage'), statement('s3:GetObject')) };
      expect(await refusal(change(await userWith(all(rights.link)), before, add))).toContain(
        'grant on iamactions.k11n.dev/s3',
      );
      expect(await refusal(change(await userWith(named(rights.grant, 's3')), before, add))).toContain(
        'link on targets.k11n.dev/production',
      );
      const dev = await userWith(named(rights.grant, 's3'), named(rights.link, 'production', 'staging'));
      await change(dev, before, add);
      // A new target gets all statements of the account, so the user needs the right to each of these statements.
      expect(await refusal(change(dev, before, { targets: ['production', 'staging'] }))).toContain(
        'grant on iamactions.k11n.dev/sqs',
      );
      // A statement with a changed condition or time counts as a changed statement.
      for (const more of [
        { until: '2030-01-01T00:00:00Z' },
        { conditions: { Bool: { 'aws:SecureTransport': ['true'] } } },
      ])
        expect(
          await refusal(
            change(dev, before, { aws: { statements: [{ ...statement('sqs:SendMessage'), ...more }] } }),
          ),
        ).toContain('grant on iamactions.k11n.dev/sqs');
      await change(await userWith(), before, { aws: { statements: [statement('sqs:SendMessage')] } });
      await change(await userWith(), before, { aws: { statements: null } });
    });

    it('of the maximum size is checked within the CEL cost limits', async () => {
      const services = (count: number): string[] =>
        Array.from({ length: count }, (_, index) => `service-${index}`);
      const large = (count: number): Partial<Spec['aws']> =>
        statementsOf(
          ...services(count).map((service) => ({
            actions: Array.from({ length: 50 }, (_, index) => `${service}:DescribeSomething${index}`),
            resources: Array.from(
              { length: 20 },
              (_, index) => `arn:aws:${service}:us-west-2:123456789012:thing-${index}`,
            ),
          })),
        );
      const dev = await userWith(all(rights.link), named(rights.grant, ...services(20)));
      const created = await create(dev, account({ targets: targets(25), aws: large(20) }));
      const less = await userWith(all(rights.link), named(rights.grant, ...services(19)));
      expect(await refusal(create(less, account({ aws: large(20) })))).toContain(
        'iamactions.k11n.dev/service-19',
      );
      const many = statementsOf(statement(...services(21).map((service) => `${service}:Get`)));
      expect(await refusal(create(dev, account({ aws: many })))).toContain('iamactions.k11n.dev/*');
      await change(await userWith(), created, { aws: { statements: large(20).statements?.slice(1) } });
    });

    it('is refused unless each statement has valid lists of actions and resources', async () => {
      for (const malformed of [
        { actions: [], resources: ['*'] },
        { actions: ['S3:GetObject'], resources: ['*'] },
        { actions: ['s3:*', 's*:Get'], resources: ['*'] },
        { actions: ['s3:*'], resources: ['my-bucket'] },
        { actions: ['s3:*'], resources: [] },
        { actions: ['s3:*'] },
        { actions: ['s3:*'], resources: ['*'], until: 'tomorrow' },
      ])
        await expect(
          create(admin, account({ aws: statementsOf(malformed) })),
          JSON.stringify(malformed),
        ).rejects.toThrow('spec.aws.statements');
      for (const unknown of [{ effect: 'Deny' }, { notActions: ['s3:*'] }, { principals: ['*'] }])
        await expect(
          admin.create(
            linkedServiceAccounts,
            account({ aws: statementsOf({ ...statement('s3:*'), ...unknown }) }),
            {
              fieldValidation: 'Strict',
            },
          ),
        ).rejects.toThrow('unknown field');
    });
  });

  it('requires the right to link each of its targets', async () => {
    const dev = await userWith(all(rights.attach), named(rights.link, 'staging'));
    await create(dev, account({ targets: ['staging'] }));
    expect(await refusal(create(dev, account({ targets: ['staging', 'production'] })))).toContain(
      `user ${dev.user} is not permitted to give AWS permissions to the target production: ask for the verb link on targets.k11n.dev/production`,
    );
  });

  it('without a list of targets requires the right to link all targets', async () => {
    const spec = account().spec;
    const withoutTargets = (): LinkedServiceAccount => {
      const { targets: _, ...rest } = spec;
      return { ...account(), spec: rest };
    };
    const some = await userWith(all(rights.attach), named(rights.link, 'production', 'staging'));
    expect(await refusal(create(some, withoutTargets()))).toContain(
      'to all targets: ask for the verb link on targets.k11n.dev/*',
    );
    await create(await userWith(all(rights.attach), all(rights.link)), withoutTargets());
    await create(await userWith(all(rights.attach), named(rights.link, '*')), withoutTargets());
  });

  it('with 25 policies and 25 targets is checked within the CEL cost limits', async () => {
    const spec = { targets: targets(25), aws: { policyArns: policies(25) } };
    const dev = await userWith(named(rights.attach, ...policies(25)), named(rights.link, ...targets(25)));
    await create(dev, account(spec));
    const half = { policyArns: policies(25).slice(0, 12), policyNames: names(13) };
    const byName = await userWith(
      named(rights.attach, ...half.policyArns, ...half.policyNames),
      named(rights.link, ...targets(25)),
    );
    await create(byName, account({ ...spec, aws: half }));
    const attachLess = await userWith(named(rights.attach, ...policies(24)), all(rights.link));
    expect(await refusal(create(attachLess, account(spec)))).toContain(
      `is not permitted to attach ${policies(25)[24]}`,
    );
    const linkLess = await userWith(all(rights.attach), named(rights.link, ...targets(24)));
    expect(await refusal(create(linkLess, account(spec)))).toContain('to the target target-24');
  });

  it('with too many targets to check one by one requires the right to link all targets', async () => {
    const spec = { targets: targets(26) };
    const dev = await userWith(all(rights.attach), named(rights.link, ...targets(26)));
    expect(await refusal(create(dev, account(spec)))).toContain('link on targets.k11n.dev/*');
    await create(await userWith(all(rights.attach), all(rights.link)), account({ targets: targets(1000) }));
  });

  it('requires separate rights for a boundary, a role and tags', async () => {
    const both = [all(rights.attach), all(rights.link)] as const;
    const dev = await userWith(...both);
    const boundary = { permissionsBoundaryArn: policy('boundary') };
    const role = { roleName: 'payments' };
    const tags = { tags: { team: 'payments', 'cost-center': '7' } };
    expect(await refusal(create(dev, account({ aws: boundary })))).toContain(
      `is not permitted to make ${policy('boundary')} the permissions boundary of an account: ask for the verb bound on iampolicies.k11n.dev/${policy('boundary')}`,
    );
    expect(await refusal(create(dev, account({ aws: role })))).toContain(
      'is not permitted to claim the IAM role payments: ask for the verb claim on iamroles.k11n.dev/payments',
    );
    expect(await refusal(create(dev, account({ aws: tags })))).toMatch(
      /is not permitted to set tags of a role \((team|cost-center), (team|cost-center)\): ask for the verb tag on iamtags\.k11n\.dev\/\1, iamtags\.k11n\.dev\/\2/,
    );
    const lead = await userWith(
      ...both,
      named(rights.bound, policy('boundary')),
      named(rights.claim, 'payments'),
      named(rights.tag, 'team', 'cost-center'),
    );
    await create(lead, account({ aws: { ...boundary, ...role, ...tags } }));
  });

  it('with the maximum number of tags is checked within the CEL cost limits', async () => {
    const tagsOf = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, 'value']));
    const dev = await userWith(
      all(rights.attach),
      all(rights.link),
      all(rights.claim),
      all(rights.bound),
      named(rights.tag, ...Object.keys(tagsOf(40))),
    );
    const aws = { roleName: 'x', permissionsBoundaryArn: policy('b') };
    await create(dev, account({ aws: { ...aws, tags: tagsOf(20) } }));
    expect(await refusal(create(dev, account({ aws: { ...aws, tags: tagsOf(21) } })))).toContain(
      'iamtags.k11n.dev/*',
    );
    const lead = await userWith(all(rights.attach), all(rights.link), all(rights.tag));
    await create(lead, account({ aws: { tags: tagsOf(40) } }));
  });
});

describe('a change of an account', () => {
  it('requires no right if it adds no permission', async () => {
    const dev = await userWith();
    const before = await existing({
      targets: ['production', 'staging'],
      aws: {
        policyArns: [policy('a'), policy('b')],
        tags: { team: 'payments' },
        permissionsBoundaryArn: policy('x'),
      },
    });
    await change(dev, before, { aws: { policyArns: [policy('b')] }, targets: ['staging'] });
    await dev.patch(
      linkedServiceAccounts,
      before.metadata,
      { metadata: { labels: { team: 'a' } } },
      { type: 'merge' },
    );
  });

  it('that adds a policy requires the rights to attach this policy and to link the targets that get this policy, and no other right', async () => {
    const before = await existing({ aws: { policyArns: [policy('a')] } });
    const arns = { aws: { policyArns: [policy('a'), policy('b')] } };
    const dev = await userWith(named(rights.attach, policy('b')));
    expect(await refusal(change(dev, before, arns))).toContain('link on targets.k11n.dev/production');
    await change(
      await userWith(named(rights.attach, policy('b')), named(rights.link, 'production')),
      before,
      arns,
    );
  });

  it('that adds a target requires the rights to link this target and to attach all policies that this target gets, and no other right', async () => {
    const before = await existing({ aws: { policyArns: [policy('a')] } });
    const more = { targets: ['production', 'staging'] };
    expect(await refusal(change(await userWith(named(rights.link, 'staging')), before, more))).toContain(
      `attach on iampolicies.k11n.dev/${policy('a')}`,
    );
    await change(
      await userWith(named(rights.link, 'staging'), named(rights.attach, policy('a'))),
      before,
      more,
    );
  });

  it('that removes the field `targets` requires the same rights as a change that adds all targets', async () => {
    const before = await existing();
    const dev = await userWith(all(rights.attach), named(rights.link, 'production'));
    expect(await refusal(change(dev, before, { targets: null }))).toContain('link on targets.k11n.dev/*');
    const { targets: _, ...spec } = account().spec;
    const open = await create(admin, { ...account(), spec });
    await change(await userWith(), open, { targets: ['anything'] });
  });

  it('that sets a permissions boundary requires the right to set that boundary, and a removal requires the right to set any boundary', async () => {
    const before = await existing({ aws: { permissionsBoundaryArn: policy('x') } });
    const dev = await userWith(named(rights.bound, policy('y')));
    expect(await refusal(change(dev, before, { aws: { permissionsBoundaryArn: null } }))).toContain(
      'is not permitted to remove the permissions boundary of an account: ask for the verb bound on iampolicies.k11n.dev/*',
    );
    expect(await refusal(change(dev, before, { aws: { permissionsBoundaryArn: policy('z') } }))).toContain(
      policy('z'),
    );
    await change(dev, before, { aws: { permissionsBoundaryArn: policy('y') } });
    await change(await userWith(all(rights.bound)), before, { aws: { permissionsBoundaryArn: null } });
  });

  it('that adopts a role requires the right to claim that role', async () => {
    const before = await existing({ aws: { roleName: 'payments' } });
    expect(await refusal(change(await userWith(), before, { aws: { adopt: true } }))).toContain(
      'claim on iamroles.k11n.dev/payments',
    );
    await change(await userWith(named(rights.claim, 'payments')), before, { aws: { adopt: true } });
    await change(await userWith(), before, { aws: { adopt: false } });
  });

  it('requires the right to set each tag that is added, changed or removed, and no right for other tags', async () => {
    const before = await existing({ aws: { tags: { team: 'payments', stage: 'test' } } });
    const dev = await userWith(named(rights.tag, 'stage', 'cost'));
    for (const tags of [{ team: 'orders' }, { team: null }, { other: 'x' }])
      expect(await refusal(change(dev, before, { aws: { tags } }))).toMatch(
        /tag on iamtags\.k11n\.dev\/(team|other)/,
      );
    await change(dev, before, { aws: { tags: { stage: null, cost: '7' } } });
  });

  it('to the deletion policy Retain requires the right to claim the role of the account', async () => {
    const named1 = await existing({ aws: { roleName: 'payments' } });
    const retain = { deletionPolicy: 'Retain' };
    expect(await refusal(change(await userWith(), named1, retain))).toContain(
      'is not permitted to keep the IAM role payments after the account is deleted: ask for the verb claim on iamroles.k11n.dev/payments',
    );
    await change(await userWith(named(rights.claim, 'payments')), named1, retain);
    // These changes add no permission, so a user without further rights may make them.
    await change(await userWith(), named1, { aws: { policyArns: [] } });
    await change(await userWith(), named1, { deletionPolicy: 'Delete' });

    const derived = await existing();
    const role = `kon-test-${derived.metadata.name}-0123456789ab`;
    expect(await refusal(change(await userWith(named(rights.claim, role)), derived, retain))).toContain(
      'is not permitted to keep an IAM role whose name is not known yet after the account is deleted: ask for the verb claim on iamroles.k11n.dev/*',
    );
    await report(derived, `arn:aws:iam::123456789012:role/team/${role}`);
    expect(await refusal(change(await userWith(), derived, retain))).toContain(
      `claim on iamroles.k11n.dev/${role}`,
    );
    await change(await userWith(named(rights.claim, role)), derived, retain);
    const { spec } = account();
    expect(
      await refusal(
        create(await userWith(all(rights.attach), all(rights.link)), {
          ...account(),
          spec: { ...spec, deletionPolicy: 'Retain' },
        }),
      ),
    ).toContain('claim on iamroles.k11n.dev/*');
  });

  it.each([
    ['a chosen name', 'payments'],
    ['the role of another account', 'kon-test-other-0123456789ab'],
  ])(
    'to the deletion policy Retain requires the right to claim all roles, even if a forged status contains %s',
    async (_what, role) => {
      const before = await existing();
      await report(before, `arn:aws:iam::123456789012:role/${role}`);
      const dev = await userWith(named(rights.claim, role));
      expect(await refusal(change(dev, before, { deletionPolicy: 'Retain' }))).toContain(
        'claim on iamroles.k11n.dev/*',
      );
    },
  );

  it('requires a separate right for longer sessions, and no right for shorter sessions', async () => {
    const before = await existing();
    const sessions = (seconds: number | null): object => ({ aws: { maxSessionDuration: seconds } });
    expect(await refusal(change(await userWith(), before, sessions(43200)))).toContain(
      `is not permitted to lengthen the sessions of the account ${before.metadata.name}: ask for the verb extend on linkedserviceaccounts.k11n.dev/${before.metadata.name}`,
    );
    await change(await userWith(), before, sessions(3600));
    await change(await userWith(named(rights.extend, before.metadata.name)), before, sessions(43200));
    await change(await userWith(), before, sessions(7200));
    expect(await refusal(change(await userWith(), before, sessions(7201)))).toContain('verb extend');
    await change(await userWith(), before, sessions(null));
    const both = [all(rights.attach), all(rights.link)] as const;
    const created = account({ aws: { maxSessionDuration: 7200 } });
    expect(await refusal(create(await userWith(...both), created))).toContain(
      `extend on linkedserviceaccounts.k11n.dev/${created.metadata.name}`,
    );
    await create(await userWith(...both, named(rights.extend, created.metadata.name)), created);
  });

  it('to another identity mode requires the right to link each target, because each target is linked again', async () => {
    const before = await existing({ targets: ['production', 'staging'] });
    const mode = (identityMode: string | null): object => ({ aws: { identityMode } });
    const dev = await userWith(named(rights.link, 'production'));
    expect(await refusal(change(dev, before, mode('PodIdentity')))).toContain(
      'is not permitted to change how pods get their role in the target staging: ask for the verb link on targets.k11n.dev/staging',
    );
    const lead = await userWith(named(rights.link, 'production', 'staging'));
    await change(lead, before, mode('PodIdentity'));
    expect(await refusal(change(dev, before, mode(null)))).toContain('link on targets.k11n.dev/staging');
    await change(lead, before, mode('IRSA'));
  });

  it('with a thousand targets stays within the CEL cost limits', async () => {
    const before = await existing({ targets: targets(1000) });
    const dev = await userWith(named(rights.attach, policy('b')), named(rights.link, '*'));
    await change(dev, before, { aws: { policyArns: [policy('a'), policy('b')] } });
    await change(await userWith(), before, { targets: targets(90) });
    const some = await userWith(all(rights.attach), named(rights.link, 'target-95'));
    await change(some, before, { targets: [...targets(90), 'target-95'] });
  });
});

describe('the name "default"', () => {
  const object = { ...account(), metadata: { name: 'default' } };

  it('is refused for an account, no matter which user creates the account', async () => {
    const message = 'an account cannot be named default';
    await expect(admin.create(linkedServiceAccounts, object)).rejects.toThrow(message);
    await expect(
      admin.apply(linkedServiceAccounts, object, { fieldManager: 'x', force: true }),
    ).rejects.toThrow(message);
  });

  it('stays valid for an account that was stored before the name was refused: the account can still be edited and deleted', async () => {
    const [crd] = (await admin.list<Crd>(resources.customResourceDefinitions)).items.filter(
      ({ metadata }) => metadata.name === 'linkedserviceaccounts.k11n.dev',
    );
    const rules = '/spec/versions/0/schema/openAPIV3Schema/x-kubernetes-validations';
    const patchCrd = (operation: object): Promise<unknown> =>
      admin.patch(
        resources.customResourceDefinitions,
        { name: 'linkedserviceaccounts.k11n.dev' },
        [operation],
        { type: 'json' },
      );
    const value = crd?.spec.versions[0]?.schema.openAPIV3Schema['x-kubernetes-validations'];
    await patchCrd({ op: 'remove', path: rules });
    await eventually('the rule to be off', async () => {
      try {
        return await admin.create(linkedServiceAccounts, object);
      } catch (error) {
        if (error instanceof Error && error.message.includes('cannot be named default')) return undefined;
        throw error;
      }
    });
    await patchCrd({ op: 'add', path: rules, value });
    await eventually('the rule to be on again', async () => {
      try {
        await admin.create(linkedServiceAccounts, object, { dryRun: true });
      } catch (error) {
        return error instanceof Error && error.message.includes('cannot be named default') ? true : undefined;
      }
      return undefined;
    });
    await change(await userWith(), object, { aws: { policyArns: [] } });
    await report(object, 'arn:aws:iam::123456789012:role/kon-test-default-0123456789ab');
    await admin.delete(linkedServiceAccounts, object.metadata);
  });
});

describe('the finalizer of an account', () => {
  const finalizer = 'k11n.dev/iam-role';
  const withRole = async (spec?: SpecInput): Promise<LinkedServiceAccount> => {
    const before = await existing(spec);
    await keepers(admin, before, [finalizer, 'example.org/other']);
    return before;
  };
  const keepers = (
    client: KubeClient,
    { metadata: { name } }: LinkedServiceAccount,
    finalizers: readonly string[] | null,
    annotations: Readonly<Record<string, string | null>> = {},
    options: { readonly fieldManager?: string } = {},
  ): Promise<unknown> =>
    client.patch(
      linkedServiceAccounts,
      { name },
      { metadata: { finalizers, annotations } },
      { type: 'merge', ...options },
    );
  const refused = `only the operator removes the finalizer ${finalizer}`;

  it('can be removed only by the operator, whichever kind of request another user sends', async () => {
    const before = await withRole({ aws: { roleName: 'payments' } });
    const { name } = before.metadata;
    const dev = await userWith(all(rights.claim), {
      verb: 'patch',
      resource: 'linkedserviceaccounts/status',
    });
    await dev.delete(linkedServiceAccounts, { name });
    const live = await dev.get<LinkedServiceAccount>(linkedServiceAccounts, { name });
    const without = { ...live, metadata: { ...live.metadata, finalizers: ['example.org/other'] } };
    const applied = { ...account(), metadata: { name, finalizers: ['example.org/other'] } };
    const writes = [
      keepers(dev, before, null),
      keepers(dev, before, []),
      keepers(dev, before, ['example.org/other']),
      dev.patch(linkedServiceAccounts, { name }, [{ op: 'remove', path: '/metadata/finalizers' }], {
        type: 'json',
      }),
      fenced.cluster.kubectl(['replace', '--as', dev.user, '-f', '-'], JSON.stringify(without)),
    ];
    for (const write of await Promise.allSettled(writes))
      expect(write).toEqual({
        status: 'rejected',
        reason: expect.objectContaining({ message: expect.stringContaining(refused) }),
      });
    // Another field manager does not own the finalizer, so the apply leaves it in place.
    await dev.apply(linkedServiceAccounts, applied, { fieldManager: 'test', force: true });
    await dev.patch(
      linkedServiceAccounts,
      { name },
      { metadata: { finalizers: null }, status: {} },
      { type: 'merge', subresource: 'status' },
    );
    expect(
      (await admin.get<LinkedServiceAccount>(linkedServiceAccounts, { name })).metadata.finalizers,
    ).toContain(finalizer);
    // A user can remove finalizers that are not Konstellation's.
    await keepers(dev, before, [finalizer]);
  });

  it('can be removed by a user who has the right to claim the role and confirms the removal with an annotation', async () => {
    const before = await withRole({ aws: { roleName: 'payments' } });
    const abandon = { 'k11n.dev/abandon': 'true' };
    expect(await refusal(keepers(await userWith(), before, null, abandon))).toContain(
      'is not permitted to give up the IAM role payments with its permissions: ask for the verb claim on iamroles.k11n.dev/payments',
    );
    const lead = await userWith(named(rights.claim, 'payments'));
    for (const annotations of [{}, { 'k11n.dev/abandon': 'false' }, { 'k11n.dev/abandon': '' }])
      expect(await refusal(keepers(lead, before, null, annotations))).toContain(refused);
    // A request that removes the consent annotation does not consent.
    await keepers(lead, before, [finalizer], abandon);
    expect(await refusal(keepers(lead, before, null, { 'k11n.dev/abandon': null }))).toContain(refused);
    await keepers(lead, before, null);

    const unknown = await withRole();
    expect(await refusal(keepers(lead, unknown, null, abandon))).toContain('claim on iamroles.k11n.dev/*');
    await keepers(await userWith(all(rights.claim)), unknown, null, abandon);
  });

  it('can be removed by an operator outside the cluster if the Kubernetes user of that operator has the right to claim the role', async () => {
    const before = await withRole();
    const asOperator = { fieldManager: 'konstellation' };
    expect(await refusal(keepers(await userWith(), before, null, {}, asOperator))).toContain(
      'claim on iamroles.k11n.dev/*',
    );
    await keepers(await userWith(all(rights.claim)), before, null, {}, asOperator);
  });
});

describe('an app', () => {
  const deploys = named(rights.deploy, 'production', 'staging');
  let count = 0;
  const app = (spec: Partial<App['spec']> = {}): App => {
    count += 1;
    return {
      apiVersion,
      kind: 'App',
      metadata: { name: `app-${count}` },
      spec: {
        image: 'nginx',
        imageTag: '1',
        serviceAccount: 'payments',
        targets: [{ name: 'production' }],
        ...spec,
      } as App['spec'],
    };
  };
  const made = (spec?: Partial<App['spec']>): Promise<App> => admin.create<App>(apps, app(spec));
  const edit = (client: KubeClient, { metadata: { name } }: App, spec: object): Promise<unknown> =>
    client.patch(apps, { name }, { spec }, { type: 'merge' });
  const asked = (account: string): string =>
    `is not permitted to run an app with the AWS permissions of the account ${account}: ask for the verb use on linkedserviceaccounts.k11n.dev/${account}`;

  it('that names an account requires the right to use that account', async () => {
    const dev = await userWith(deploys, named(rights.use, 'payments'));
    await dev.create<App>(apps, app());
    expect(await refusal(dev.create<App>(apps, app({ serviceAccount: 'orders' })))).toContain(
      `user ${dev.user} ${asked('orders')}`,
    );
    await (await userWith(deploys, all(rights.use))).create<App>(apps, app({ serviceAccount: 'orders' }));
    const { serviceAccount: _, ...plain } = app().spec;
    await (await userWith(deploys)).create<App>(apps, { ...app(), spec: plain });
  });

  it("requires the right to use the account for every change of the app's pods or targets", async () => {
    const before = await made();
    const dev = await userWith(deploys);
    for (const spec of [
      { imageTag: '2' },
      { image: 'evil' },
      { command: ['sh'] },
      { env: [{ name: 'A', value: 'b' }] },
      { targets: [{ name: 'production' }, { name: 'staging' }] },
    ])
      expect(await refusal(edit(dev, before, spec)), JSON.stringify(spec)).toContain(asked('payments'));
    await edit(await userWith(deploys, named(rights.use, 'payments')), before, { imageTag: '2' });
  });

  it('requires the right to use a newly named account, but no right to use the account that a change replaces or removes', async () => {
    const before = await made();
    const dev = await userWith(deploys, named(rights.use, 'orders'));
    expect(await refusal(edit(dev, before, { imageTag: '2' }))).toContain(asked('payments'));
    await edit(dev, before, { serviceAccount: 'orders' });
    expect(await refusal(edit(dev, before, { serviceAccount: 'payments' }))).toContain(asked('payments'));
    const nobody = await userWith(deploys);
    await edit(nobody, before, { serviceAccount: null });
    await edit(nobody, before, { imageTag: '3' });
  });

  it('requires the right to deploy to each of its targets, whether or not it names an account', async () => {
    const { serviceAccount: _, ...plain } = app().spec;
    const inBoth = { ...plain, targets: [{ name: 'production' }, { name: 'staging' }] } as App['spec'];
    const dev = await userWith(named(rights.deploy, 'staging'));
    const askedFor = `user ${dev.user} is not permitted to run apps in the target production: ask for the verb deploy on targets.k11n.dev/production`;
    expect(await refusal(dev.create<App>(apps, { ...app(), spec: inBoth }))).toContain(askedFor);
    const before = await admin.create<App>(apps, { ...app(), spec: inBoth });
    for (const spec of [
      { image: 'evil' },
      { command: ['sh'] },
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }] },
      { registry: 'evil.example' },
      { imagePullSecrets: ['x'] },
      { targets: [{ name: 'production', ingress: { hosts: ['x'] } }, { name: 'staging' }] },
      { targets: [{ name: 'production', deployMode: 'halt' }, { name: 'staging' }] },
      { targets: [{ name: 'staging' }], imageTag: '2', args: ['production'] },
    ]) {
      const write = edit(dev, before, spec);
      if (spec.targets?.length === 1) await write;
      else expect(await refusal(write), JSON.stringify(spec)).toContain(askedFor);
    }
    expect(await refusal(edit(dev, before, { targets: inBoth.targets }))).toContain(askedFor);
  });

  it('requires the right to deploy to the targets that a request changes, and to no other target', async () => {
    const { serviceAccount: _, ...plain } = app().spec;
    const inBoth = { ...plain, targets: [{ name: 'production' }, { name: 'staging' }] } as App['spec'];
    const before = await admin.create<App>(apps, { ...app(), spec: inBoth });
    const dev = await userWith(named(rights.deploy, 'staging'));
    await edit(dev, before, { targets: [{ name: 'production' }, { name: 'staging', deployMode: 'halt' }] });
    // The change only removes targets, so it needs no right.
    await edit(await userWith(), before, { targets: [{ name: 'production' }] });
    await edit(dev, before, { targets: [{ name: 'staging' }, { name: 'production' }] });
  });

  it('with too many targets to check one by one requires the right to deploy to all targets', async () => {
    const { serviceAccount: _, ...plain } = app().spec;
    const inMany = (count: number): App => ({
      ...app(),
      spec: {
        ...plain,
        targets: targets(count).map((name) => ({ name, deployMode: 'latest', configs: [large] })),
      },
    });
    const large = { name: 'large', data: { file: 'x'.repeat(10_000) } };
    const dev = await userWith(named(rights.deploy, ...targets(26)));
    const before = await dev.create<App>(apps, inMany(25));
    await edit(dev, before, { imageTag: '2' });
    expect(await refusal(dev.create<App>(apps, inMany(26)))).toContain('deploy on targets.k11n.dev/*');
    const lead = await userWith(all(rights.deploy));
    const most = await lead.create<App>(apps, inMany(100));
    await edit(lead, most, { imageTag: '2' });
    await edit(dev, most, { targets: most.spec.targets.slice(1) });
  });

  it('can be labelled, deleted and given a status without the right to deploy', async () => {
    const before = await made();
    const dev = await userWith({ verb: 'patch', resource: 'apps/status' });
    await dev.patch(apps, before.metadata, { metadata: { labels: { team: 'a' } } }, { type: 'merge' });
    await dev.patch(
      apps,
      before.metadata,
      { status: { observedGeneration: 1 } },
      { type: 'merge', subresource: 'status' },
    );
    await dev.delete(apps, before.metadata);
  });
});

describe('deletion', () => {
  it.each(['annotations', 'labels'] as const)(
    'is refused while the object is marked as protected in its %s',
    async (where) => {
      const name = account().metadata.name;
      const mark = (value: string | null): Promise<unknown> =>
        admin.patch(
          linkedServiceAccounts,
          { name },
          { metadata: { [where]: { 'k11n.dev/protected': value } } },
          { type: 'merge' },
        );
      await admin.create(linkedServiceAccounts, { ...account(), metadata: { name } });
      await mark('true');
      const remove = (): Promise<unknown> => admin.delete(linkedServiceAccounts, { name });
      expect(await refusal(remove())).toContain(
        `LinkedServiceAccount ${name} is protected from deletion: remove its label or annotation k11n.dev/protected first`,
      );
      await mark('false');
      await remove();
    },
  );

  it('is refused for a protected ClusterConfig', async () => {
    const object: ClusterConfig = {
      apiVersion,
      kind: 'ClusterConfig',
      metadata: { name: 'main', labels: { 'k11n.dev/protected': 'true' } },
      spec: {
        targets: [],
        aws: { region: 'us-west-2', rolePath: '/konstellation/', driftIntervalSeconds: 60 },
      },
    };
    const resource: Resource = clusterConfigs;
    await admin.create<ClusterConfig>(resource, object);
    expect(await refusal(admin.delete(resource, object.metadata))).toContain('is protected');
  });

  const kubectl = (...args: readonly string[]): Promise<string> => fenced.cluster.kubectl(args);
  const protectedApp = (name: string): App => ({
    apiVersion,
    kind: 'App',
    metadata: { name, annotations: { 'k11n.dev/protected': 'true' } },
    spec: { image: 'nginx', targets: [{ name: 'production' }] } as App['spec'],
  });

  it.each<[string, (plural: string, name: string) => readonly string[]]>([
    ['by name', (plural, name) => ['delete', `${plural}.k11n.dev`, name]],
    ['of all', (plural) => ['delete', `${plural}.k11n.dev`, '--all']],
    ['of the collection', (plural) => ['delete', '--raw', `/apis/${apiVersion}/${plural}`]],
    ['of the CRD', (plural) => ['delete', 'crd', `${plural}.k11n.dev`]],
    ['of all CRDs', () => ['delete', 'crd', '--all']],
    [
      'of the collection of CRDs',
      () => ['delete', '--raw', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'],
    ],
  ])('%s does not delete protected accounts and apps', async (_way, command) => {
    const lsa = account();
    const app = protectedApp(lsa.metadata.name);
    await admin.create(linkedServiceAccounts, {
      ...lsa,
      metadata: { ...lsa.metadata, labels: { 'k11n.dev/protected': 'true' } },
    });
    await admin.create<App>(apps, app);
    for (const resource of [linkedServiceAccounts, apps] as const) {
      await expect(kubectl(...command(resource.plural, lsa.metadata.name))).rejects.toThrow(
        /k11n\.dev\/(protected|allow-deletion)/,
      );
      const { metadata } = await admin.get<KubeObject>(resource, lsa.metadata);
      expect(metadata.deletionTimestamp).toBeUndefined();
    }
  });

  const definitions = [linkedServiceAccounts, apps, clusterConfigs, quarantines].map(
    ({ plural }) => `${plural}.k11n.dev`,
  );

  it.each(definitions)(
    'of the CRD %s requires an annotation on the CRD, which the refusal names',
    async (name) => {
      const remove = (): Promise<string> => kubectl('delete', 'crd', name, '--dry-run=server');
      const replace = async (): Promise<string> =>
        fenced.cluster.kubectl(
          ['replace', '--force', '-f', '-'],
          await kubectl('get', 'crd', name, '-o', 'yaml'),
        );
      for (const attempt of [remove, replace])
        await expect(attempt()).rejects.toThrow(
          `the deletion of the CRD ${name} would delete all objects of the kind, including protected objects: use kon uninstall, or add the annotation k11n.dev/allow-deletion=true first`,
        );
      await kubectl('annotate', 'crd', name, 'k11n.dev/allow-deletion=true');
      await remove();
      await kubectl('annotate', 'crd', name, 'k11n.dev/allow-deletion-');
      await expect(remove()).rejects.toThrow('k11n.dev/allow-deletion');
    },
  );

  it('of a CRD of another API group requires no annotation', async () => {
    const name = 'others.example.com';
    await fenced.apply([
      {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name },
        spec: {
          group: 'example.com',
          scope: 'Cluster',
          names: { kind: 'Other', plural: 'others' },
          versions: [
            { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
          ],
        },
      },
    ]);
    await kubectl('delete', 'crd', name);
  });
});

describe('a CRD', () => {
  const name = 'linkedserviceaccounts.k11n.dev';
  const setVersion = (version: string | null, consent: string | null = null): Promise<unknown> =>
    admin.patch(
      resources.customResourceDefinitions,
      { name },
      {
        metadata: {
          annotations: { 'k11n.dev/schema-version': version, 'k11n.dev/allow-downgrade': consent },
        },
      },
      { type: 'merge' },
    );

  it('can be replaced by an older CRD only if an annotation consents to that exact version', async () => {
    await setVersion('12');
    for (const [version, read] of [
      ['11', 11],
      ['2', 2],
      ['twelve', 0],
      [null, 0],
    ] as const)
      expect(await refusal(setVersion(version))).toContain(
        `the CRD ${name} has schema version 12, and version ${read} would drop, from all stored objects, the fields that it lacks: use kon install --downgrade`,
      );
    expect(await refusal(setVersion('2', '3'))).toContain('k11n.dev/allow-downgrade=2');
    const older = crds().map((crd) => stringify(crd, { lineWidth: 0 }));
    await expect(
      fenced.cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], older.join('---\n')),
    ).rejects.toThrow('kon install --downgrade');
    await setVersion('12', '2');
    expect(await refusal(setVersion('1', '2'))).toContain('k11n.dev/allow-downgrade=1');
    await setVersion('2', '2');
    await setVersion('3');
    await setVersion('1', '1');
    await setVersion('1');
  });

  it('without a schema version, as in earlier releases, can be replaced by a CRD with a schema version', async () => {
    await setVersion(null, '0');
    await setVersion(null);
    await setVersion('1');
  });
});
