/**
 * `kon install` on a cluster where Konstellation is already installed: it either does what was requested, or refuses
 * and names the command that does it.
 */
import { GetRolePolicyCommand, ListRolesCommand, type Role } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAwsCluster, type AwsCluster } from './aws-cluster.ts';
import type { Result } from './kon.ts';

const boundaries = ['a', 'b'].map((name) => `arn:aws:iam::123456789012:policy/boundary-${name}`) as [
  string,
  string,
];

let world: AwsCluster;
const kon = (...args: string[]): Promise<Result> => world.kon.run(args);
const kubectl = (...args: string[]): Promise<string> => world.cluster.kubectl(args);
const own = ['--without-operator', '--no-wait'] as const;
const options = [...own, '--yes'] as const;

const configured = async (): Promise<{ targets: string[]; aws: { permissionsBoundaryArn?: string } }> =>
  (
    JSON.parse(await kubectl('get', 'clusterconfig', 'main', '-o', 'json')) as {
      spec: { targets: string[]; aws: { permissionsBoundaryArn?: string } };
    }
  ).spec;
const operatorRole = async (): Promise<Role> => {
  const [role] = (await world.iam.send(new ListRolesCommand({}))).Roles ?? [];
  if (!role) throw new Error('the operator has no role');
  return role;
};
/** Returns the principals in the trust policy of the operator's role. */
const trusted = async (): Promise<readonly string[]> => {
  const policy = decodeURIComponent((await operatorRole()).AssumeRolePolicyDocument ?? '');
  return [
    ...(policy.includes('"sts:AssumeRoleWithWebIdentity"') ? ['IRSA'] : []),
    ...(policy.includes('pods.eks.amazonaws.com') ? ['PodIdentity'] : []),
  ];
};
const operatorPolicy = async (): Promise<string> => {
  const { RoleName } = await operatorRole();
  const of = { RoleName, PolicyName: 'konstellation-operator' };
  const { PolicyDocument = '' } = await world.iam.send(new GetRolePolicyCommand(of));
  return decodeURIComponent(PolicyDocument);
};
const isConsistent = async (): Promise<void> => {
  const { aws } = await configured();
  const policy = await operatorPolicy();
  expect(boundaries.filter((each) => policy.includes(each))).toEqual([aws.permissionsBoundaryArn]);
};

beforeAll(async () => {
  world = await startAwsCluster({ provider: false, crds: false });
});

afterAll(() => world?.stop());

describe('two installations at the same time', () => {
  it('result in one ClusterConfig with the matching operator policy, and the slower installation is refused', async () => {
    const results = await Promise.all(
      boundaries.map((boundary) => kon('install', ...options, '--boundary', boundary)),
    );
    await isConsistent();
    const refused = results.filter(({ code }) => code !== 0);
    expect(refused).toHaveLength(1);
    // The slower of the two installations stops at the first object that the faster one has already created: the
    // provider or the role in AWS, or the ClusterConfig.
    expect(refused[0]?.stderr).toMatch(/Error: (IAM \S.* already exists\.|.*ClusterConfig main differs)/);
  });

  it('result in one ClusterConfig with the matching operator policy, even if a user confirms the first installation only after the second has finished', async () => {
    await kubectl('delete', 'clusterconfig', 'main');
    const [first, second] = boundaries;
    const waiting = world.kon.terminal(`install ${own.join(' ')} --boundary ${first}`);
    await waiting.until('Continue?');
    const installed = await kon('install', ...options, '--boundary', second);
    expect(installed, installed.stderr).toMatchObject({ code: 0 });
    const before = await operatorPolicy();
    waiting.type('y\n');
    const { code, screen } = await waiting.finished;
    expect(code, screen).toBe(1);
    expect(screen).toContain(
      `--boundary ${first}: spec.aws.permissionsBoundaryArn of the ClusterConfig is ${second}`,
    );
    expect(await operatorPolicy()).toBe(before);
    await isConsistent();
  });
});

describe('an installation that exists', () => {
  it('is not changed by different options, and the refusal names the command that applies them', async () => {
    const spec = await configured();
    const asked = [
      '--boundary',
      'arn:aws:iam::123456789012:policy/new',
      '--allow-policy',
      'arn:aws:iam::aws:policy/AmazonS3*',
      '--target',
      'staging',
      '--tag-key',
      'team',
    ];
    for (const mode of ['--yes', '--dry-run']) {
      const refused = await kon('install', ...own, ...asked, mode);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      for (const text of [
        '--target staging: the ClusterConfig does not list this target',
        'kon target create staging',
        `kubectl patch clusterconfig main --type merge -p '{"spec":{"aws":{"permissionsBoundaryArn":"arn:aws:iam::123456789012:policy/new","allowedPolicyArns":["arn:aws:iam::aws:policy/AmazonS3*"],"allowedTagKeys":["team"]}}}'`,
      ])
        expect(refused.stderr).toContain(text);
    }
    expect(await configured()).toEqual(spec);
  });

  it('is not changed by --unbounded, and kon install reports that the option has no effect', async () => {
    const again = await kon('install', ...options, '--unbounded');
    expect(again).toMatchObject({ code: 0, stdout: 'konstellation unchanged\n' });
    expect(again.stderr).toContain('--unbounded has no effect');
  });

  it('gets a new operator policy when kon install runs again after a user has changed the ClusterConfig', async () => {
    const [first, second] = boundaries;
    const { aws } = await configured();
    const boundary = aws.permissionsBoundaryArn === first ? second : first;
    await kubectl(
      'patch',
      'clusterconfig',
      'main',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { aws: { permissionsBoundaryArn: boundary } } }),
    );
    const again = await kon('install', ...options, '--boundary', boundary);
    expect(again, again.stderr).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    await isConsistent();
  });

  it('is not replaced when kon install names another namespace, and the command is refused', async () => {
    const binding = await kubectl('get', 'clusterrolebinding', 'konstellation', '-o', 'yaml');
    const refused = await kon('install', ...options, '--namespace', 'second');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('Konstellation is installed in the namespace konstellation');
    expect(refused.stderr).toContain('kon install --namespace konstellation');
    expect(await kubectl('get', 'clusterrolebinding', 'konstellation', '-o', 'yaml')).toBe(binding);
    expect(await kubectl('get', 'namespace', '-o', 'name')).not.toContain('second');
  });

  it.each([
    ['IRSA', 'PodIdentity'],
    ['PodIdentity', 'IRSA'],
  ] as const)('keeps the role of running pods when changed from %s to %s', async (before, mode) => {
    const role = await operatorRole();
    const env =
      before === 'IRSA'
        ? [{ name: 'AWS_ROLE_ARN', value: role.Arn }]
        : [
            {
              name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI',
              value: 'http://169.254.170.23/v1/credentials',
            },
            {
              name: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
              value: '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token',
            },
          ];
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'running', namespace: 'konstellation' },
      spec: {
        serviceAccountName: 'konstellation',
        containers: [
          {
            name: 'operator',
            image: 'operator',
            env,
            volumeMounts: [
              { name: 'token', mountPath: '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount' },
            ],
          },
        ],
        volumes: [
          {
            name: 'token',
            projected: {
              sources: [
                {
                  serviceAccountToken: {
                    audience: 'pods.eks.amazonaws.com',
                    path: 'eks-pod-identity-token',
                  },
                },
              ],
            },
          },
        ],
      },
    };
    await world.cluster.kubectl(['create', '-f', '-'], JSON.stringify(pod));
    const patch = JSON.stringify({ spec: { aws: { identityMode: mode } } });
    await kubectl('patch', 'clusterconfig', 'main', '--type=merge', '-p', patch);
    const switched = await kon('install', ...options, '--identity-mode', mode);
    expect(switched, switched.stderr).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    expect(switched.stderr).toContain(`still use ${before}, so the role trusts both modes`);
    expect(await trusted()).toEqual(['IRSA', 'PodIdentity']);
    await kubectl('delete', 'pod', '--namespace=konstellation', 'running', '--force');
    const again = await kon('install', ...options);
    expect(again, again.stderr).toMatchObject({ code: 0, stdout: 'konstellation installed\n' });
    expect(await trusted()).toEqual([mode]);
    expect(await kon('install', ...options)).toMatchObject({ stdout: 'konstellation unchanged\n' });
  });

  it('keeps its Deployment, because kon install refuses --without-operator', async () => {
    const labels = { 'app.kubernetes.io/name': 'konstellation' };
    await world.cluster.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'konstellation', namespace: 'konstellation', labels },
        spec: {
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              serviceAccountName: 'konstellation',
              containers: [{ name: 'operator', image: 'operator' }],
            },
          },
        },
      }),
    );
    const refused = await kon('install', ...options);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('kubectl delete deployment --namespace konstellation konstellation');
  });
});
