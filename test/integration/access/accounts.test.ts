/** Who may give which AWS permissions to whom, and who may use them: asked of the real API server, as users with different rights. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import {
  attachPolicy,
  bindingOf,
  claimPolicy,
  linkPolicy,
  protectionPolicy,
  usePolicy,
  type NamedRight,
  rights,
} from '../../../src/access/index.ts';
import {
  apiVersion,
  apps,
  clusterConfigs,
  crds,
  linkedServiceAccounts,
  type App,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../../src/api/index.ts';
import {
  createKubeClient,
  isForbidden,
  loadConnection,
  type KubeClient,
  type Resource,
} from '../../../src/kube/index.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';

const policy = (name: string): string => `arn:aws:iam::123456789012:policy/${name}`;
const policies = (count: number): string[] =>
  Array.from({ length: count }, (_, index) =>
    policy(`team-a/policy-with-a-name-as-long-as-they-get-in-practice-${index}`),
  );
const targets = (count: number): string[] => Array.from({ length: count }, (_, index) => `target-${index}`);

type Spec = LinkedServiceAccount['spec'];
type SpecInput = Partial<Omit<Spec, 'aws'>> & { readonly aws?: Partial<Spec['aws']> };

let cluster: TestControlPlane;
let admin: KubeClient;
const clients: KubeClient[] = [];

const connect = async (kubeconfig: string): Promise<KubeClient> => {
  const client = createKubeClient(await loadConnection({ kubeconfig, env: {} }), { qps: 1000, burst: 1000 });
  clients.push(client);
  return client;
};

type Grant = NamedRight & { readonly names?: readonly string[] };

/** As `konstellation-edit` of the chart; `*` would be the right to use every account. */
const writes = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

let users = 0;
/** Somebody who may write accounts, and has these rights beside. */
async function userWith(...grants: readonly Grant[]): Promise<KubeClient & { readonly user: string }> {
  users += 1;
  const user = `dev-${users}`;
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: user },
    rules: [
      {
        apiGroups: ['k11n.dev'],
        resources: ['linkedserviceaccounts', 'clusterconfigs', 'apps'],
        verbs: writes,
      },
      ...grants.map(({ verb, resource, names }) => ({
        apiGroups: ['k11n.dev'],
        resources: [resource],
        verbs: [verb],
        ...(names ? { resourceNames: names } : {}),
      })),
    ],
  };
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: user },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  };
  await cluster.kubectl(
    ['apply', '-f', '-'],
    [role, binding].map((object) => stringify(object)).join('---\n'),
  );
  const client = await connect(await cluster.userKubeconfig(user));
  await eventually(`the rights of ${user}`, async () => {
    try {
      await client.list(linkedServiceAccounts);
      return true;
    } catch (error) {
      if (isForbidden(error)) return undefined;
      throw error;
    }
  });
  return { ...client, user };
}

const all = (right: NamedRight): Grant => right;
const named = (right: NamedRight, ...names: readonly string[]): Grant => ({ ...right, names });

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
const change = (
  client: KubeClient,
  { metadata: { name } }: LinkedServiceAccount,
  spec: object,
): Promise<unknown> => client.patch(linkedServiceAccounts, { name }, { spec }, { type: 'merge' });

/** The message of the admission policy which refused. */
async function refusal(write: Promise<unknown>): Promise<string> {
  try {
    await write;
  } catch (error) {
    if (isForbidden(error)) return error.message;
    throw error;
  }
  throw new Error('it was admitted');
}

beforeAll(async () => {
  cluster = await startControlPlane();
  admin = await connect(cluster.kubeconfig);
  const apply = (objects: readonly object[]): Promise<string> =>
    cluster.kubectl(
      ['apply', '--server-side', '-f', '-'],
      objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n'),
    );
  await apply(crds());
  await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    '--timeout=30s',
    ...crds().map((crd) => `crd/${crd.metadata.name}`),
  ]);
  const shipped = [attachPolicy, linkPolicy, claimPolicy, usePolicy, protectionPolicy];
  await apply([...shipped, ...shipped.map(bindingOf)]);
  // Each lacks one right alone: of several policies that refuse, the server names any one.
  const lacking = [
    { policy: attachPolicy, user: await userWith(all(rights.link)), aws: {} },
    { policy: linkPolicy, user: await userWith(all(rights.attach)), aws: {} },
    {
      policy: claimPolicy,
      user: await userWith(all(rights.attach), all(rights.link)),
      aws: { roleName: 'x' },
    },
  ];
  for (const { policy: expected, user, aws } of lacking)
    await eventually(`the policy ${expected.metadata.name} to be enforced`, async () => {
      const object = account({ aws });
      try {
        await user.create(linkedServiceAccounts, object, { dryRun: true });
        return undefined;
      } catch (error) {
        return isForbidden(error) && error.message.includes(expected.metadata.name) ? true : undefined;
      }
    });
  const dev = await userWith();
  await eventually('the policy use.k11n.dev to be enforced', async () => {
    const spec = { image: 'nginx', serviceAccount: 'x', targets: [{ name: 'production' }] } as App['spec'];
    const object: App = { apiVersion, kind: 'App', metadata: { name: 'tried' }, spec };
    try {
      await dev.create<App>(apps, object, { dryRun: true });
      return undefined;
    } catch (error) {
      return isForbidden(error) && error.message.includes('use.k11n.dev') ? true : undefined;
    }
  });
}, 180_000);
afterAll(async () => {
  for (const client of clients) await client.close();
  await cluster?.stop();
});

describe('a new account', () => {
  it('is refused to a user without rights, who is told what to ask for', async () => {
    const dev = await userWith(all(rights.link));
    expect(await refusal(create(dev, account()))).toContain(
      `user ${dev.user} may not attach ${policy('a')}: ask for the verb attach on iampolicies.k11n.dev/${policy('a')}`,
    );
  });

  it('needs the right to each of its policies by name', async () => {
    const dev = await userWith(all(rights.link), named(rights.attach, policy('a'), policy('b')));
    await create(dev, account({ aws: { policyArns: [policy('a'), policy('b')] } }));
    expect(
      await refusal(create(dev, account({ aws: { policyArns: [policy('a'), policy('c'), policy('b')] } }))),
    ).toContain(`may not attach ${policy('c')}`);
  });

  it('needs the right to each of its targets', async () => {
    const dev = await userWith(all(rights.attach), named(rights.link, 'staging'));
    await create(dev, account({ targets: ['staging'] }));
    expect(await refusal(create(dev, account({ targets: ['staging', 'production'] })))).toContain(
      `user ${dev.user} may not give AWS permissions to the target production: ask for the verb link on targets.k11n.dev/production`,
    );
  });

  it('without targets needs the right to all of them', async () => {
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

  it('with 25 policies and 25 targets is checked within the cost limits', async () => {
    const spec = { targets: targets(25), aws: { policyArns: policies(25) } };
    const dev = await userWith(named(rights.attach, ...policies(25)), named(rights.link, ...targets(25)));
    await create(dev, account(spec));
    const attachLess = await userWith(named(rights.attach, ...policies(24)), all(rights.link));
    expect(await refusal(create(attachLess, account(spec)))).toContain(`may not attach ${policies(25)[24]}`);
    const linkLess = await userWith(all(rights.attach), named(rights.link, ...targets(24)));
    expect(await refusal(create(linkLess, account(spec)))).toContain('to the target target-24');
  });

  it('with more targets than can be checked needs the right to all of them', async () => {
    const spec = { targets: targets(26) };
    const dev = await userWith(all(rights.attach), named(rights.link, ...targets(26)));
    expect(await refusal(create(dev, account(spec)))).toContain('link on targets.k11n.dev/*');
    await create(await userWith(all(rights.attach), all(rights.link)), account({ targets: targets(1000) }));
  });

  it('needs rights of its own for a boundary, a role and tags', async () => {
    const both = [all(rights.attach), all(rights.link)] as const;
    const dev = await userWith(...both);
    const boundary = { permissionsBoundaryArn: policy('boundary') };
    const role = { roleName: 'payments' };
    const tags = { tags: { team: 'payments', 'cost-center': '7' } };
    expect(await refusal(create(dev, account({ aws: boundary })))).toContain(
      `may not make ${policy('boundary')} the permissions boundary of an account: ask for the verb bound on iampolicies.k11n.dev/${policy('boundary')}`,
    );
    expect(await refusal(create(dev, account({ aws: role })))).toContain(
      'may not claim the IAM role payments: ask for the verb claim on iamroles.k11n.dev/payments',
    );
    expect(await refusal(create(dev, account({ aws: tags })))).toMatch(
      /may not set the tag (team|cost-center) of a role: ask for the verb tag on iamtags\.k11n\.dev\/\1/,
    );
    const lead = await userWith(
      ...both,
      named(rights.bound, policy('boundary')),
      named(rights.claim, 'payments'),
      named(rights.tag, 'team', 'cost-center'),
    );
    await create(lead, account({ aws: { ...boundary, ...role, ...tags } }));
  });

  it('with as many tags as there can be is checked within the cost limits', async () => {
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
  it('asks for nothing where nothing is added', async () => {
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
    await change(dev, before, { aws: { maxSessionDuration: 7200 }, deletionPolicy: 'Retain' });
    await dev.patch(
      linkedServiceAccounts,
      before.metadata,
      { metadata: { labels: { team: 'a' } } },
      { type: 'merge' },
    );
  });

  it('asks for the new policy only, and for the targets that get it', async () => {
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

  it('asks for the new target only, and for all policies that it gets', async () => {
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

  it('takes the removal of `targets` for the addition of all', async () => {
    const before = await existing();
    const dev = await userWith(all(rights.attach), named(rights.link, 'production'));
    expect(await refusal(change(dev, before, { targets: null }))).toContain('link on targets.k11n.dev/*');
    const { targets: _, ...spec } = account().spec;
    const open = await create(admin, { ...account(), spec });
    await change(await userWith(), open, { targets: ['anything'] });
  });

  it('asks for the boundary that comes, and for the right to all when it goes', async () => {
    const before = await existing({ aws: { permissionsBoundaryArn: policy('x') } });
    const dev = await userWith(named(rights.bound, policy('y')));
    expect(await refusal(change(dev, before, { aws: { permissionsBoundaryArn: null } }))).toContain(
      'may not take the permissions boundary off an account: ask for the verb bound on iampolicies.k11n.dev/*',
    );
    expect(await refusal(change(dev, before, { aws: { permissionsBoundaryArn: policy('z') } }))).toContain(
      policy('z'),
    );
    await change(dev, before, { aws: { permissionsBoundaryArn: policy('y') } });
    await change(await userWith(all(rights.bound)), before, { aws: { permissionsBoundaryArn: null } });
  });

  it('asks for the role once it is to be taken over', async () => {
    const before = await existing({ aws: { roleName: 'payments' } });
    expect(await refusal(change(await userWith(), before, { aws: { adopt: true } }))).toContain(
      'claim on iamroles.k11n.dev/payments',
    );
    await change(await userWith(named(rights.claim, 'payments')), before, { aws: { adopt: true } });
    await change(await userWith(), before, { aws: { adopt: false } });
  });

  it('asks for tags that are added, changed or removed, and for no others', async () => {
    const before = await existing({ aws: { tags: { team: 'payments', stage: 'test' } } });
    const dev = await userWith(named(rights.tag, 'stage', 'cost'));
    for (const tags of [{ team: 'orders' }, { team: null }, { other: 'x' }])
      expect(await refusal(change(dev, before, { aws: { tags } }))).toMatch(
        /tag on iamtags\.k11n\.dev\/(team|other)/,
      );
    await change(dev, before, { aws: { tags: { stage: null, cost: '7' } } });
  });

  it('of a thousand targets stays within the cost limits', async () => {
    const before = await existing({ targets: targets(1000) });
    const dev = await userWith(named(rights.attach, policy('b')), named(rights.link, '*'));
    await change(dev, before, { aws: { policyArns: [policy('a'), policy('b')] } });
    await change(await userWith(), before, { targets: targets(90) });
    const some = await userWith(all(rights.attach), named(rights.link, 'target-95'));
    await change(some, before, { targets: [...targets(90), 'target-95'] });
  });
});

describe('an app', () => {
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
    `may not run an app with the AWS permissions of the account ${account}: ask for the verb use on linkedserviceaccounts.k11n.dev/${account}`;

  it('that names an account needs the right to use it, by name', async () => {
    const dev = await userWith(named(rights.use, 'payments'));
    await dev.create<App>(apps, app());
    expect(await refusal(dev.create<App>(apps, app({ serviceAccount: 'orders' })))).toContain(
      `user ${dev.user} ${asked('orders')}`,
    );
    await (await userWith(all(rights.use))).create<App>(apps, app({ serviceAccount: 'orders' }));
    const { serviceAccount: _, ...plain } = app().spec;
    await (await userWith()).create<App>(apps, { ...app(), spec: plain });
  });

  it('asks for it of everyone who decides what runs with the account, and where', async () => {
    const before = await made();
    const dev = await userWith();
    for (const spec of [
      { imageTag: '2' },
      { image: 'evil' },
      { command: ['sh'] },
      { env: [{ name: 'A', value: 'b' }] },
      { targets: [{ name: 'production' }, { name: 'staging' }] },
    ])
      expect(await refusal(edit(dev, before, spec)), JSON.stringify(spec)).toContain(asked('payments'));
    await edit(await userWith(named(rights.use, 'payments')), before, { imageTag: '2' });
  });

  it('asks for the account that comes, not for the one that goes, and for none when it is taken out', async () => {
    const before = await made();
    const dev = await userWith(named(rights.use, 'orders'));
    expect(await refusal(edit(dev, before, { imageTag: '2' }))).toContain(asked('payments'));
    await edit(dev, before, { serviceAccount: 'orders' });
    expect(await refusal(edit(dev, before, { serviceAccount: 'payments' }))).toContain(asked('payments'));
    const nobody = await userWith();
    await edit(nobody, before, { serviceAccount: null });
    await edit(nobody, before, { imageTag: '3' });
  });

  it('can be labelled, reported on and deleted without it', async () => {
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
  it.each(['annotations', 'labels'] as const)('is refused while the mark is among its %s', async (where) => {
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
      `LinkedServiceAccount ${name} is protected from deletion: take its label or annotation k11n.dev/protected off first`,
    );
    await mark('false');
    await remove();
  });

  it('protects a ClusterConfig too', async () => {
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
});
