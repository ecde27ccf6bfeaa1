/** The tables in docs/guides/security.md, tested cell by cell on a real API server and the AWS emulator. */
import { CreatePodIdentityAssociationCommand, type EKSClient } from '@aws-sdk/client-eks';
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  type IAMClient,
} from '@aws-sdk/client-iam';
import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operatorObjects, peopleRoles } from '../../../src/rbac/index.ts';
import {
  attempts,
  awsAttempts,
  cellOf,
  people,
  type AttemptName,
  type AwsAttemptName,
  type Cell,
  type Person,
} from '../../../src/rbac/testing/who-may-what.ts';
import {
  apiVersion,
  apps,
  clusterConfigs,
  linkedServiceAccounts,
  quarantines,
  targetLabel,
  type App,
  type ClusterConfig,
  type LinkedServiceAccount,
  type Quarantine,
} from '../../../src/api/index.ts';
import { operatorPolicy, ownershipTags } from '../../../src/identity/index.ts';
import {
  createKubeClient,
  isForbidden,
  resources,
  staticConnection,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '../../../src/kube/index.ts';
import {
  accountId,
  issuer,
  region,
  startTestEmulator,
  type TestEmulator,
} from '../../../sandbox/src/aws/testing/emulator.ts';
import { eventually } from '../../support/eventually.ts';
import { clusterRoleBinding, operatorIdentity, startFencedCluster, type FencedCluster } from './harness.ts';
import { wallClock } from '../../../src/k8s/testing/clocks.ts';

describe('in Kubernetes', () => {
  const target = 'production';
  const elsewhere = 'argocd';
  const policy = (name: string): string => `arn:aws:iam::${accountId}:policy/${name}`;
  const rbac = 'rbac.authorization.k8s.io';
  const merge = { type: 'merge' } as const;
  const statement = {
    actions: ['sqs:SendMessage'],
    resources: ['arn:$(partition):sqs:$(region):$(account):orders'],
  };
  const admissionPolicies: Resource = {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    plural: 'validatingadmissionpolicies',
    kind: 'ValidatingAdmissionPolicy',
    namespaced: false,
  };

  let fenced: FencedCluster;
  let admin: KubeClient;
  let operator: KubeClient | undefined;
  const clients = new Map<Person, KubeClient>();

  const clusterRole = (name: string, list: readonly string[], verbs: readonly string[]): object => ({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name },
    rules: [{ apiGroups: ['k11n.dev'], resources: list, verbs }],
  });
  const kinds = [linkedServiceAccounts, apps, clusterConfigs].map(({ plural }) => plural);
  const rolesOf: Readonly<Partial<Record<Person, readonly string[]>>> = {
    view: ['konstellation-view'],
    edit: ['konstellation-edit'],
    grant: ['konstellation-edit', 'konstellation-grant'],
    deploy: ['konstellation-edit', 'konstellation-deploy'],
    respond: ['konstellation-respond'],
    release: ['konstellation-release'],
    config: ['patch-config'],
    status: ['patch-status'],
  };
  /** Parts of the ClusterRole `edit`, which the controller manager would aggregate; no controller manager runs here. */
  const partsOfEdit = ['system:aggregate-to-edit', 'system:aggregate-to-view'];
  const namespaceBinding = (role: string): object => ({
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: { name: role, namespace: target },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: rbac, kind: 'User', name: 'namespace' }],
  });
  const namespace = (name: string, labels: Readonly<Record<string, string>> = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels },
  });
  const serviceAccount = (of: string, name: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: of, name },
  });

  beforeAll(async () => {
    fenced = await startFencedCluster();
    ({ admin } = fenced);
    await fenced.apply([
      ...operatorObjects(operatorIdentity),
      ...peopleRoles,
      clusterRole('patch-config', [clusterConfigs.plural], ['get', 'patch']),
      clusterRole(
        'patch-status',
        kinds.map((plural) => `${plural}/status`),
        ['patch'],
      ),
      ...Object.entries(rolesOf).flatMap(([person, roles]) =>
        roles.map((role) => clusterRoleBinding(person, role)),
      ),
    ]);
    const config: ClusterConfig = {
      apiVersion,
      kind: 'ClusterConfig',
      metadata: { name: 'test' },
      spec: {
        targets: [target, 'staging'],
        aws: {
          region: 'eu-west-1',
          rolePath: '/konstellation/',
          driftIntervalSeconds: 60,
          permissionsBoundaryArn: policy('boundary'),
          allowedPolicyArns: [policy('team/*')],
          tags: { team: 'payments' },
        },
      },
    };
    await admin.create<ClusterConfig>(clusterConfigs, config);
    const namespaces = [
      namespace(target, { [targetLabel]: target, 'pod-security.kubernetes.io/enforce': 'baseline' }),
      namespace(elsewhere),
    ];
    // The API server denies target labels until it has cached the ClusterConfig.
    await eventually('the targets to be labelled', () => fenced.apply(namespaces).catch(() => undefined));
    for (const name of ['myaccount', 'foreign'])
      await admin.create(resources.serviceAccounts, serviceAccount(target, name));
    await admin.create(resources.serviceAccounts, serviceAccount(elsewhere, 'argocd-server'));
    await admin.create(resources.secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: target, name: 'db' },
    });
    await admin.create(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
    await fenced.apply(partsOfEdit.map(namespaceBinding));
    for (const person of Object.keys(people) as Person[])
      if (person !== 'operator')
        clients.set(person, await fenced.connect(await fenced.cluster.userKubeconfig(person)));
    const { token } = await admin.createToken(operatorIdentity, {
      audiences: ['https://kubernetes.default.svc'],
      expirationSeconds: 3600,
    });
    const ofOperator = createKubeClient(
      staticConnection({ server: fenced.cluster.server, token, tls: { ca: fenced.cluster.caCertificate } }),
    );
    operator = ofOperator;
    clients.set('operator', ofOperator);
    await eventually('the rights of everybody, and the fence of the operator', async () => {
      try {
        for (const person of ['view', 'edit', 'grant', 'deploy', 'respond', 'release', 'operator'] as const)
          await clients.get(person)?.list(linkedServiceAccounts);
        await clients.get('namespace')?.list(resources.pods, { namespace: target });
        await clients.get('config')?.get(clusterConfigs, { name: 'test' });
        const dryRun = { ...merge, subresource: 'status', dryRun: true } as const;
        await clients.get('status')?.patch(clusterConfigs, { name: 'test' }, { status: {} }, dryRun);
      } catch (error) {
        if (isForbidden(error)) return undefined;
        throw error;
      }
      const refused = [
        ofOperator.create(resources.serviceAccounts, serviceAccount(elsewhere, 'x'), { dryRun: true }),
        ofOperator.patch(resources.namespaces, { name: target }, { metadata: { labels: { a: 'b' } } }, merge),
      ];
      return (await Promise.allSettled(refused)).every(({ status }) => status === 'rejected')
        ? true
        : undefined;
    });
  }, 180_000);
  afterAll(async () => {
    await operator?.close();
    await fenced?.stop();
  });

  let count = 0;
  const next = (): string => {
    count += 1;
    return `object-${count}`;
  };
  const quarantine = (spec: Partial<Quarantine['spec']> = {}): Quarantine => ({
    apiVersion,
    kind: 'Quarantine',
    metadata: { name: next() },
    spec: { account: 'myaccount', ...spec },
  });
  const account = (
    name: string,
    aws: Partial<LinkedServiceAccount['spec']['aws']> = {},
  ): LinkedServiceAccount => ({
    apiVersion,
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: {
      deletionPolicy: 'Delete',
      targets: [target],
      aws: {
        policyArns: [policy('team/a')],
        permissionsBoundaryArn: policy('boundary'),
        roleName: `role-of-${name}`,
        tags: { team: 'payments' },
        ...aws,
      },
    },
  });
  const app = (name: string, spec: Partial<App['spec']> = {}): App => ({
    apiVersion,
    kind: 'App',
    metadata: { name },
    spec: {
      image: 'nginx',
      targets: [
        { name: target, deployMode: 'latest' },
        { name: 'staging', deployMode: 'latest' },
      ],
      ...spec,
    },
  });
  type Try = (client: KubeClient) => Promise<unknown>;
  /** Edits a newly created account that no other attempt uses. */
  const edit =
    (change: object, finalizers: string[] = []): Try =>
    async (client) => {
      const name = next();
      const created = account(name);
      await admin.create<LinkedServiceAccount>(linkedServiceAccounts, {
        ...created,
        metadata: { name, finalizers },
      });
      return client.patch(linkedServiceAccounts, { name }, change, merge);
    };
  const aws = (change: object): Try => edit({ spec: { aws: change } });
  const editApp =
    (change: object, spec: Partial<App['spec']> = { serviceAccount: 'payments' }): Try =>
    async (client) => {
      const name = next();
      await admin.create<App>(apps, app(name, spec));
      return client.patch(apps, { name }, { spec: change }, merge);
    };
  /** Edits the only ClusterConfig, in a dry run, so that it stays unchanged. */
  const config =
    (spec: object): Try =>
    (client) =>
      client.patch(clusterConfigs, { name: 'test' }, { spec }, { ...merge, dryRun: true });
  const token =
    (of: string, name: string, audience: string): Try =>
    (client) =>
      client.createToken({ namespace: of, name }, { audiences: [audience], expirationSeconds: 600 });
  const labels =
    (name: string, change: object): Try =>
    (client) =>
      client.patch(resources.namespaces, { name }, { metadata: { labels: change } }, merge);
  const finalizer = 'k11n.dev/iam-role';
  const owner = {
    apiVersion: 'v1',
    kind: 'Namespace',
    name: 'deleted',
    uid: '00000000-0000-0000-0000-000000000000',
  };

  const tries: Readonly<Record<AttemptName, Try>> = {
    readAccounts: (client) => client.list(linkedServiceAccounts),
    createAccount: (client) => {
      const { roleName: _, tags: __, permissionsBoundaryArn: ___, ...of } = account('x').spec.aws;
      return client.create<LinkedServiceAccount>(linkedServiceAccounts, {
        ...account(next()),
        spec: { ...account('x').spec, aws: of },
      });
    },
    attach: aws({ policyArns: [policy('team/a'), policy('team/b')] }),
    link: edit({ spec: { targets: [target, 'staging'] } }),
    grantActions: aws({ statements: [statement, { ...statement, actions: ['s3:GetObject'] }] }),
    removeStatement: async (client) => {
      const name = next();
      const { spec, ...object } = account(name);
      await admin.create<LinkedServiceAccount>(linkedServiceAccounts, {
        ...object,
        spec: { ...spec, aws: { ...spec.aws, statements: [statement] } },
      });
      return client.patch(linkedServiceAccounts, { name }, { spec: { aws: { statements: [] } } }, merge);
    },
    removePolicy: aws({ policyArns: [] }),
    removeBoundary: aws({ permissionsBoundaryArn: null }),
    tag: aws({ tags: { team: 'orders' } }),
    adopt: aws({ adopt: true }),
    extend: aws({ maxSessionDuration: 43200 }),
    switchMode: aws({ identityMode: 'PodIdentity' }),
    retain: edit({ spec: { deletionPolicy: 'Retain' } }),
    nameDefault: (client) => client.create<LinkedServiceAccount>(linkedServiceAccounts, account('default')),
    reown: edit({ metadata: { ownerReferences: [owner] } }),
    deleteAccount: async (client) => {
      const name = next();
      await admin.create<LinkedServiceAccount>(linkedServiceAccounts, account(name));
      return client.delete(linkedServiceAccounts, { name });
    },
    quarantine: (client) => client.create<Quarantine>(quarantines, quarantine()),
    quarantineAsOther: (client) =>
      client.create<Quarantine>(quarantines, quarantine({ requestedBy: 'somebody' })),
    release: async (client) => {
      const { metadata } = await admin.create<Quarantine>(quarantines, quarantine());
      return client.delete(quarantines, metadata);
    },
    stripFinalizer: edit({ metadata: { finalizers: null } }, [finalizer]),
    abandon: edit({ metadata: { finalizers: null, annotations: { 'k11n.dev/abandon': 'true' } } }, [
      finalizer,
    ]),
    forgeStatus: async (client) => {
      const name = next();
      await admin.create<LinkedServiceAccount>(linkedServiceAccounts, account(name));
      const status = { ready: '1/1' };
      return client.patch(linkedServiceAccounts, { name }, { status }, { ...merge, subresource: 'status' });
    },
    deployApp: (client) => client.create<App>(apps, app(next())),
    useAccount: editApp({ image: 'evil' }),
    takeAccount: editApp({ serviceAccount: null }),
    takeTarget: editApp({ targets: [{ name: target, deployMode: 'latest' }] }, {}),
    deleteApp: async (client) => {
      const name = next();
      await admin.create<App>(apps, app(name));
      return client.delete(apps, { name });
    },
    addTarget: config({ targets: [target, 'staging', 'mine'] }),
    removeTarget: config({ targets: [target] }),
    reservedTarget: config({ targets: [target, 'staging', 'kube-system'] }),
    operatorTarget: config({ targets: [target, 'staging', operatorIdentity.namespace] }),
    clusterBoundary: config({ aws: { permissionsBoundaryArn: null } }),
    clusterPolicies: config({ aws: { allowedPolicyArns: ['arn:aws:iam::aws:policy/*'] } }),
    clusterStatements: config({ aws: { allowStatements: true } }),
    clusterTags: config({ aws: { tags: { team: 'orders' } } }),
    clusterRoles: async (client) => {
      // The first four changes only have to be denied. The outcome of the last change is the outcome of the attempt.
      for (const change of [
        { accountId: '999999999999' },
        { rolePath: '/other/' },
        { clusterName: 'other' },
        { region: 'us-west-2' },
      ])
        await expect(config({ aws: change })(client)).rejects.toThrow();
      return config({ aws: { oidcIssuer: 'https://oidc.example.org/other' } })(client);
    },
    clusterMode: config({ aws: { identityMode: 'PodIdentity' } }),
    tokenInTarget: token(target, 'myaccount', 'sts.amazonaws.com'),
    tokenForApiServer: token(target, 'myaccount', 'https://kubernetes.default.svc'),
    tokenElsewhere: token(elsewhere, 'argocd-server', 'sts.amazonaws.com'),
    createPod: (client) =>
      client.create(resources.pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { namespace: target, name: next() },
        spec: { serviceAccountName: 'myaccount', containers: [{ name: 'app', image: 'evil' }] },
      } as KubeObject),
    readSecret: (client) => client.get(resources.secrets, { namespace: target, name: 'db' }),
    readNode: (client) => client.get(resources.nodes, { name: 'node-1' }),
    listNodes: (client) => client.list(resources.nodes),
    roleAnnotation: (client) =>
      client.patch(
        resources.serviceAccounts,
        { namespace: target, name: 'foreign' },
        { metadata: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/x' } } },
        merge,
      ),
    labelNamespace: labels(elsewhere, { [targetLabel]: elsewhere }),
    podSecurity: labels(target, { 'pod-security.kubernetes.io/enforce': null }),
    bindRole: (client) =>
      client.create(resources.clusterRoleBindings, clusterRoleBinding('everybody', 'konstellation-grant')),
    removeFence: (client) => client.delete(admissionPolicies, { name: 'attach.k11n.dev' }, { dryRun: true }),
  };

  /** Returns the outcome of an attempt in the words of the table. */
  async function outcome(write: Promise<unknown>, expected: Cell): Promise<string | readonly string[]> {
    try {
      await write;
      return 'yes';
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const { message } = error;
      const verb = /ask for the verb (\w+) on/.exec(message)?.[1];
      if (
        /cannot be named default|spec\.requestedBy is somebody|reserved for Kubernetes|the operator itself runs in it/.test(
          message,
        )
      )
        return 'never';
      if (!isForbidden(error)) throw error;
      if (message.includes('k11n.dev/abandon=true')) return 'consent';
      // The server names an arbitrary one of several policies that deny a request.
      if (verb !== undefined && Array.isArray(expected)) return expected.includes(verb) ? expected : verb;
      return message;
    }
  }

  const cells = (Object.keys(attempts) as AttemptName[]).flatMap((attempt) =>
    (Object.keys(people) as Person[]).map(
      (person) => [attempts[attempt].does, people[person].title, attempt, person] as const,
    ),
  );

  it.each(cells)('%s: %s', async (_does, _who, attempt, person) => {
    const client = clients.get(person);
    if (!client) throw new Error(`${person} is not connected`);
    const expected = cellOf(attempt, person);
    const found = await outcome(tries[attempt](client), expected);
    if (expected !== 'no') expect(found).toEqual(expected);
    // A denial by RBAC names the user and the action. If RBAC allows the operator's request, an admission policy must
    // deny the request.
    else if (person === 'operator')
      expect(found).toMatch(/ cannot \w+ resource |ValidatingAdmissionPolicy '[a-z-]+\.k11n\.dev'/);
    else expect(found).toMatch(/ cannot \w+ resource /);
  });
});

describe('in AWS', () => {
  const clusterArn = `arn:aws:eks:${region}:${accountId}:cluster/fenced`;
  const rolePath = '/konstellation/';
  const boundary = `arn:aws:iam::${accountId}:policy/boundary`;
  const allowed = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
  const administrator = 'arn:aws:iam::aws:policy/AdministratorAccess';
  const denyAll = 'arn:aws:iam::aws:policy/AWSDenyAll';
  const marks = ownershipTags({ clusterArn, issuer, providerArn: '', account: 'a', uid: 'u' });
  const Tags = Object.entries(marks).map(([Key, Value]) => ({ Key, Value }));
  const trust = (Principal: object, Action: readonly string[] = ['sts:AssumeRole']): string =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action }] });
  const trustOfPods = trust({ Service: 'pods.eks.amazonaws.com' }, ['sts:AssumeRole', 'sts:TagSession']);
  const trustOfAccount = trust({ AWS: `arn:aws:iam::${accountId}:root` });
  const everything = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  });

  const operators = {
    fenced: {
      permissionsBoundaryArns: [boundary],
      allowedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3*'],
    },
    open: {},
    granting: {
      permissionsBoundaryArns: [boundary],
      statements: true,
    },
  } as const;
  type Operator = keyof typeof operators;
  const keysOf = (name: Operator): { accessKeyId: string; secretAccessKey: string } => ({
    accessKeyId: `AKIAOPERATOR${name.toUpperCase().padEnd(8, '0')}`,
    secretAccessKey: `${name}-secret`,
  });
  const cluster = (name: string) => ({
    name,
    endpoint: 'https://127.0.0.1:1',
    certificateAuthorityData: '',
    issuer,
    version: '1.36',
  });

  type Clients = { readonly iam: IAMClient; readonly eks: EKSClient; readonly sts: STSClient };
  let emulator: TestEmulator;
  let admin: IAMClient;
  const clients = new Map<Operator, Clients>();
  beforeAll(async () => {
    emulator = await startTestEmulator({
      now: wallClock,
      clusters: [cluster('fenced'), cluster('other')],
      credentials: (Object.keys(operators) as Operator[]).map((name) => ({
        ...keysOf(name),
        principalArn: `arn:aws:iam::${accountId}:user/operator-${name}`,
        policies: [operatorPolicy({ clusterArn, rolePath, ...operators[name] })],
      })),
    });
    admin = emulator.iam();
    for (const name of Object.keys(operators) as Operator[])
      clients.set(name, {
        iam: emulator.iam(keysOf(name)),
        eks: emulator.eks(keysOf(name)),
        sts: emulator.sts(keysOf(name)),
      });
    await admin.send(new CreatePolicyCommand({ PolicyName: 'boundary', PolicyDocument: everything }));
  });
  afterAll(async () => {
    admin?.destroy();
    for (const { iam, eks, sts } of clients.values()) for (const client of [iam, eks, sts]) client.destroy();
    await emulator?.close();
  });

  let count = 0;
  const next = (): string => {
    count += 1;
    return `kon-fenced-${count}`;
  };
  const create = (
    iam: IAMClient,
    change: Partial<ConstructorParameters<typeof CreateRoleCommand>[0]> = {},
  ): Promise<unknown> =>
    iam.send(
      new CreateRoleCommand({
        RoleName: next(),
        Path: rolePath,
        Tags,
        PermissionsBoundary: boundary,
        AssumeRolePolicyDocument: trustOfPods,
        ...change,
      }),
    );
  const own = async (AssumeRolePolicyDocument = trustOfPods): Promise<string> => {
    const RoleName = next();
    await create(admin, { RoleName, AssumeRolePolicyDocument });
    return RoleName;
  };
  const foreign = async (): Promise<string> => {
    const RoleName = `foreign-${next()}`;
    await create(admin, { RoleName, Path: '/', Tags: [] });
    return RoleName;
  };
  const associate = (eks: EKSClient, clusterName: string, role: string): Promise<unknown> =>
    eks.send(
      new CreatePodIdentityAssociationCommand({
        clusterName,
        namespace: 'production',
        serviceAccount: next(),
        roleArn: `arn:aws:iam::${accountId}:role${role}`,
        tags: marks,
      }),
    );
  const attach = (iam: IAMClient, RoleName: string, PolicyArn: string): Promise<unknown> =>
    iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
  const trustOther = (iam: IAMClient, RoleName: string): Promise<unknown> =>
    iam.send(
      new UpdateAssumeRolePolicyCommand({
        RoleName,
        PolicyDocument: trust({ AWS: 'arn:aws:iam::999999999999:root' }),
      }),
    );

  /** Calls of each attempt. All calls of an attempt have the same outcome. */
  const tries: Readonly<Record<AwsAttemptName, readonly ((clients: Clients) => Promise<unknown>)[]>> = {
    createRole: [({ iam }) => create(iam)],
    createUnbounded: [({ iam }) => create(iam, { PermissionsBoundary: undefined })],
    createElsewhere: [({ iam }) => create(iam, { Path: '/other/' }), ({ iam }) => create(iam, { Tags: [] })],
    attachAllowed: [async ({ iam }) => attach(iam, await own(), allowed)],
    attachAny: [async ({ iam }) => attach(iam, await own(), administrator)],
    attachToForeign: [async ({ iam }) => attach(iam, await foreign(), allowed)],
    denyEverything: [
      async ({ iam }) => {
        const RoleName = await own();
        await attach(iam, RoleName, denyAll);
        return iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: denyAll }));
      },
    ],
    trustOthers: [async ({ iam }) => trustOther(iam, await own())],
    trustForeign: [async ({ iam }) => trustOther(iam, await foreign())],
    removeBoundary: [
      async ({ iam }) => iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: await own() })),
    ],
    inlinePolicy: [
      async ({ iam }) =>
        iam.send(
          new PutRolePolicyCommand({ RoleName: await own(), PolicyName: 'x', PolicyDocument: everything }),
        ),
    ],
    tagForeign: [async ({ iam }) => iam.send(new TagRoleCommand({ RoleName: await foreign(), Tags }))],
    deleteForeign: [async ({ iam }) => iam.send(new DeleteRoleCommand({ RoleName: await foreign() }))],
    assumeRole: [
      async ({ sts }) =>
        sts.send(
          new AssumeRoleCommand({
            RoleArn: `arn:aws:iam::${accountId}:role${rolePath}${await own(trustOfAccount)}`,
            RoleSessionName: 'escape',
          }),
        ),
    ],
    associate: [async ({ eks }) => associate(eks, 'fenced', `${rolePath}${await own()}`)],
    associateElsewhere: [async ({ eks }) => associate(eks, 'other', `${rolePath}${await own()}`)],
    passForeign: [async ({ eks }) => associate(eks, 'fenced', `/${await foreign()}`)],
  };

  const cells = (Object.keys(awsAttempts) as AwsAttemptName[]).flatMap((attempt) =>
    (['fenced', 'open'] as const).map((name) => [awsAttempts[attempt].does, name, attempt] as const),
  );

  it('with `allowStatements`, the operator can write inline policies only to its own roles with the boundary, and the boundary limits these policies', async () => {
    const { iam } = clients.get('granting') ?? {};
    if (!iam) throw new Error('the operator is not connected');
    const put = (RoleName: string): Promise<unknown> =>
      iam.send(
        new PutRolePolicyCommand({ RoleName, PolicyName: 'konstellation', PolicyDocument: everything }),
      );
    const unbounded = next();
    await create(admin, { RoleName: unbounded, PermissionsBoundary: undefined });
    const other = next();
    await create(admin, { RoleName: other, PermissionsBoundary: allowed });
    for (const role of [unbounded, other, await foreign()])
      await expect(put(role)).rejects.toThrow('not authorized to perform: iam:PutRolePolicy');
    const bounded = next();
    await create(admin, { RoleName: bounded, AssumeRolePolicyDocument: trustOfAccount });
    await put(bounded);
    await expect(iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: bounded }))).rejects.toThrow(
      'not authorized',
    );
  });

  it.each(cells)('%s: %s', async (_does, name, attempt) => {
    const found = clients.get(name);
    if (!found) throw new Error(`${name} is not connected`);
    for (const call of tries[attempt]) {
      const done = await call(found).then(
        () => true,
        (error: unknown) => {
          if (error instanceof Error && error.name.startsWith('AccessDenied')) return false;
          throw error;
        },
      );
      expect(done).toBe(awsAttempts[attempt][name]);
    }
  });
});
