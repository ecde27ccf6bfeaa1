/**
 * Tests of the chart: the objects that helm renders, their consistency with the code, and their acceptance by a real
 * API server.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { admissionObjects, operatorObjects, probeLease, rights } from '../../../src/rbac/index.ts';
import { crds } from '../../../src/api/index.ts';
import {
  admissionPolicyObjects,
  clusterConfigObject,
  crdObjects,
  operatorObjects as installedObjects,
} from '../../../src/cli/installation/operator-objects.ts';
import { operatorImage } from '../../../src/cli/installation/image.ts';
import { metricDefinitions } from '../../../src/operator/metrics.ts';
import { startControlPlane, untilServed, type TestControlPlane } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { chartFolder, findHelm, type Helm, type RenderedObject } from '../../support/helm.ts';

const identity = { namespace: 'konstellation-system', name: 'konstellation' };
const everything = [
  '--set=metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true,metrics.dashboard.enabled=true',
  '--set=clusterConfig.create=true,clusterConfig.name=main,clusterConfig.spec.aws.region=eu-west-1',
  '--set=clusterConfig.spec.aws.rolePath=/konstellation/main/',
  '--set=clusterConfig.spec.targets={production,staging}',
  '--set-string=serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=arn:aws:iam::123456789012:role/operator',
];

type Container = {
  readonly args: readonly string[];
  readonly securityContext: unknown;
  readonly livenessProbe: unknown;
  readonly readinessProbe: unknown;
  readonly resources: unknown;
};
type Deployment = {
  readonly replicas: number;
  readonly template: {
    readonly spec: { readonly securityContext: unknown; readonly containers: readonly [Container] };
  };
};

let helm: Helm;
let rendered: readonly RenderedObject[];
beforeAll(async () => {
  helm = await findHelm();
  rendered = await helm.template();
}, 900_000);
afterAll(() => helm?.remove());

const find = (objects: readonly RenderedObject[], kind: string, name: string): RenderedObject => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`the chart makes no ${kind} ${name}`);
  return found;
};

describe('helm', () => {
  it('lints the chart without a complaint', async () => {
    await helm.run(['lint', '--strict', chartFolder]);
    await helm.run(['lint', '--strict', chartFolder, ...everything]);
  });

  it.each([
    ['a value that is not there', '--set=replica=3'],
    ['a word where a number belongs', '--set=replicas=many'],
    ['a ServiceAccount that Kubernetes refuses', '--set=serviceAccount.name=No_Name'],
  ])('refuses %s', async (_what, value) => {
    await expect(helm.template([value])).rejects.toThrow("values don't meet the specifications");
  });

  it('refuses a ClusterConfig without a name, and a ClusterConfig without a role path', async () => {
    await expect(helm.template(['--set=clusterConfig.create=true'])).rejects.toThrow(
      'the name of the EKS cluster',
    );
    await expect(helm.template(['--set=clusterConfig.create=true,clusterConfig.name=main'])).rejects.toThrow(
      'clusterConfig.spec.aws.rolePath is needed',
    );
  });
});

describe('the chart', () => {
  it('contains the RBAC rules and admission policies that the code defines', () => {
    for (const object of [...operatorObjects(identity), ...admissionObjects(identity)]) {
      if (object.kind === 'Namespace') continue;
      const shipped = find(rendered, object.kind, object.metadata.name);
      const { metadata: _, ...expected } = object;
      expect(shipped, `${object.kind} ${object.metadata.name}`).toMatchObject(
        JSON.parse(JSON.stringify(expected)) as object,
      );
      // The comparison is exact, because toMatchObject would accept further rules or validations.
      const { rules, spec } = object as RenderedObject;
      expect(shipped.rules).toEqual(JSON.parse(JSON.stringify(rules ?? null)) ?? undefined);
      expect(shipped.spec).toEqual(JSON.parse(JSON.stringify(spec ?? null)) ?? undefined);
    }
  });

  it('has exactly the admission policies that Konstellation defines, and has none when admission policies are disabled', async () => {
    const kinds = (objects: readonly RenderedObject[]): readonly string[] =>
      objects
        .filter(({ kind }) => kind.startsWith('ValidatingAdmission'))
        .map(({ metadata }) => metadata.name)
        .sort();
    expect(kinds(rendered)).toEqual(
      admissionObjects(identity)
        .map(({ metadata }) => metadata.name)
        .sort(),
    );
    expect(kinds(await helm.template(['--set=admission.enabled=false']))).toEqual([]);
  });

  it('contains the CRDs', () => {
    const names = rendered
      .filter(({ kind }) => kind === 'CustomResourceDefinition')
      .map(({ metadata }) => metadata.name);
    expect(names.sort()).toEqual(
      crds()
        .map(({ metadata }) => metadata.name)
        .sort(),
    );
  });

  it('uses a configured ServiceAccount name in every binding and admission policy', async () => {
    const objects = await helm.template(['--set=serviceAccount.name=other', '--namespace=elsewhere']);
    const text = JSON.stringify(objects.filter(({ kind }) => /Binding$|AdmissionPolicy$/.test(kind)));
    expect(text).toContain('system:serviceaccount:elsewhere:other');
    expect(text).not.toContain('system:serviceaccount:konstellation-system');
    expect(find(objects, 'ClusterRoleBinding', 'other')).toMatchObject({
      subjects: [{ name: 'other', namespace: 'elsewhere' }],
    });
  });

  it('runs two replicas of the operator with probes, without privileges and on a read-only file system', () => {
    const { replicas, template } = find(rendered, 'Deployment', 'konstellation').spec as Deployment;
    expect(replicas).toBe(2);
    expect(template.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    const [container] = template.spec.containers;
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      privileged: false,
      capabilities: { drop: ['ALL'] },
    });
    expect(container).toMatchObject({
      livenessProbe: { httpGet: { path: '/healthz' } },
      readinessProbe: { httpGet: { path: '/readyz' } },
      resources: {
        requests: { memory: expect.any(String) as string },
        limits: { memory: expect.any(String) as string },
      },
    });
  });

  it('allows at most one operator pod to be unavailable, and only the network traffic that the operator needs', () => {
    const selector = {
      matchLabels: {
        'app.kubernetes.io/name': 'konstellation',
        'app.kubernetes.io/instance': 'konstellation',
      },
    };
    const { template } = find(rendered, 'Deployment', 'konstellation').spec as Deployment & {
      readonly template: { readonly metadata: { readonly labels: object } };
    };
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    expect(find(rendered, 'PodDisruptionBudget', 'konstellation').spec).toEqual({
      maxUnavailable: 1,
      selector,
    });
    expect(find(rendered, 'NetworkPolicy', 'konstellation').spec).toMatchObject({
      podSelector: selector,
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [{ port: 'metrics' }], from: [{ podSelector: {} }] }],
      egress: [
        { ports: [{ port: 53 }, { port: 53 }] },
        { ports: [{ port: 443 }, { port: 6443 }] },
        {
          to: [{ ipBlock: { cidr: '169.254.170.23/32' } }, { ipBlock: { cidr: 'fd00:ec2::23/128' } }],
          ports: [{ port: 80 }],
        },
      ],
    });
  });

  it('has a ServiceMonitor for the port where the container serves metrics, and alerts that say what to do', async () => {
    const objects = await helm.template([...everything, '--set=metrics.serviceMonitor.labels.release=prom']);
    const service = find(objects, 'Service', 'konstellation-metrics');
    const monitor = find(objects, 'ServiceMonitor', 'konstellation');
    const { ports } = service.spec as {
      readonly ports: readonly { readonly name: string; readonly targetPort: string }[];
    };
    const [container] = (find(objects, 'Deployment', 'konstellation').spec as Deployment).template.spec
      .containers;
    const served = (container as unknown as { readonly ports: readonly { readonly name: string }[] }).ports;
    expect(served.map(({ name }) => name)).toContain(ports[0]?.targetPort);
    expect(container.args).toContain('--health-address=:8080');
    expect(monitor.metadata.labels).toMatchObject({ release: 'prom' });
    const { selector, endpoints } = monitor.spec as {
      readonly selector: { readonly matchLabels: object };
      readonly endpoints: readonly { readonly port: string }[];
    };
    expect(service.metadata.labels).toMatchObject(selector.matchLabels);
    expect(endpoints.map(({ port }) => port)).toEqual([ports[0]?.name]);
    const { groups } = find(objects, 'PrometheusRule', 'konstellation').spec as {
      readonly groups: readonly {
        readonly rules: readonly {
          readonly alert: string;
          readonly expr: string;
          readonly annotations: object;
        }[];
      }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.map(({ alert }) => alert)).toContain('KonstellationDown');
    const denied = rules.find(({ alert }) => alert === 'KonstellationAwsDenied')?.expr ?? '';
    const pattern = new RegExp(`^(?:${/outcome=~"([^"]+)"/.exec(denied)?.[1]})$`);
    // The pattern matches the error codes of IAM and EKS for a denied call, and no other code.
    expect(['AccessDenied', 'AccessDeniedException', 'Throttling'].map((code) => pattern.test(code))).toEqual(
      [true, true, false],
    );
    expect(rules.find(({ alert }) => alert === 'KonstellationAccountsNotReady')?.expr).toContain(
      'ready="false"',
    );
    expect(rules.map(({ alert }) => alert)).toContain('KonstellationDriftUnchecked');
    for (const rule of rules)
      expect(rule).toMatchObject({
        labels: { severity: expect.stringMatching(/^(critical|warning)$/) as string },
        annotations: { summary: expect.any(String) as string, description: expect.any(String) as string },
      });
  });

  it('creates no monitoring objects, ConfigMap or ClusterConfig by default', () => {
    expect(rendered.filter(({ apiVersion }) => apiVersion.startsWith('monitoring.'))).toEqual([]);
    expect(rendered.filter(({ kind }) => kind === 'ConfigMap' || kind === 'ClusterConfig')).toEqual([]);
  });

  it.each([
    [
      'what is missing',
      [],
      [
        'kon iam-policy',
        'system:serviceaccount:konstellation-system:konstellation',
        'kind: ClusterConfig',
        'kon doctor',
        'docs/guides/security.md',
      ],
    ],
    ['only the checks when everything is configured', everything, ['kon doctor', 'docs/guides/security.md']],
    [
      'what is open without admission',
      ['--set=admission.enabled=false'],
      ['Whoever may write accounts may give them any AWS permission'],
    ],
  ])('prints, after the installation, %s', async (_what, values, reported) => {
    const notes = (await helm.notes(values)).replaceAll(/\s+/g, ' ');
    for (const text of reported) expect(notes).toContain(text);
    if (values === everything) expect(notes).not.toMatch(/no IAM role|kind: ClusterConfig/);
  });

  it('contains ClusterRoles that grant every right that users can request, and a separate ClusterRole for deploying', () => {
    const rightsOf = (name: string): string[] =>
      (
        find(rendered, 'ClusterRole', name) as {
          rules: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
        }
      ).rules.flatMap(({ resources, verbs }) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
      );
    expect(rightsOf('konstellation-deploy')).toEqual(['deploy targets']);
    const granted = [...rightsOf('konstellation-grant'), ...rightsOf('konstellation-deploy')];
    expect(granted.sort()).toEqual(
      Object.values(rights)
        .map(({ verb, resource }) => `${verb} ${resource}`)
        .sort(),
    );
  });

  it('uses only existing metrics in alerts and in the dashboard', async () => {
    const objects = await helm.template(everything);
    const rule = JSON.stringify(find(objects, 'PrometheusRule', 'konstellation'));
    const dashboard = await readFile(join(chartFolder, 'dashboards/konstellation.json'), 'utf8');
    const used = new Set(
      [
        ...`${rule}${dashboard}`.matchAll(
          /\b(?:konstellation|controller_runtime|workqueue|rest_client)_[a-z_]+/g,
        ),
      ].map(([name]) => name.replace(/_bucket$/, '')),
    );
    const known = Object.keys(metricDefinitions);
    expect(known).toEqual(expect.arrayContaining([...used]));
    expect([...used]).toEqual(
      expect.arrayContaining(known.filter((name) => name.startsWith('konstellation_'))),
    );
  });

  it('has a ConfigMap that contains the complete dashboard', async () => {
    const { data } = find(await helm.template(everything), 'ConfigMap', 'konstellation-dashboard') as {
      data?: Record<string, string>;
    };
    const dashboard = JSON.parse(
      await readFile(join(chartFolder, 'dashboards/konstellation.json'), 'utf8'),
    ) as unknown;
    expect(JSON.parse(data?.['konstellation.json'] ?? '')).toEqual(dashboard);
  });
});

describe('kon install', () => {
  const roleArn = 'arn:aws:iam::123456789012:role/konstellation-operator-main';
  const region = 'eu-west-1';
  const namespace = 'konstellation';
  const targets = ['production', 'staging'];

  /**
   * Matches labels and annotations that Helm and `kon install` add to mark their objects. These labels and annotations
   * differ by design, see docs/guides/install.md.
   */
  const isMark = (key: string): boolean =>
    key.startsWith('app.kubernetes.io/') || key === 'helm.sh/chart' || key === 'helm.sh/resource-policy';
  function comparable(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(comparable);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value)
      .filter(([key]) => !isMark(key))
      .map(([key, inner]) => [key, comparable(inner)] as const)
      .filter(
        ([key, inner]) =>
          !(/^(labels|annotations|matchLabels)$/.test(key) && Object.keys(inner as object).length === 0),
      );
    return Object.fromEntries(entries);
  }
  const byName = (objects: readonly object[]): Readonly<Record<string, unknown>> =>
    Object.fromEntries(
      (JSON.parse(JSON.stringify(objects)) as readonly RenderedObject[])
        .map((object) => [`${object.kind} ${object.metadata.name}`, comparable(object)] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );

  it('applies the same objects as the chart, apart from the labels and annotations of the installer', async () => {
    const installed = byName([
      ...admissionPolicyObjects(namespace),
      ...crdObjects(),
      ...installedObjects({
        namespace,
        image: operatorImage,
        replicas: 2,
        roleArn,
        region,
        deployment: true,
      }),
      clusterConfigObject(
        undefined,
        { name: 'main', region, accountId: '123456789012' },
        { targets, boundary: undefined, allowedPolicies: [], tagKeys: [], allowStatements: false },
        'IRSA',
      ),
    ]);
    const chart = byName(
      await helm.template([
        `--namespace=${namespace}`,
        `--set-string=serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=${roleArn}`,
        `--set-string=operator.env[0].name=AWS_REGION,operator.env[0].value=${region}`,
        '--set=clusterConfig.create=true,clusterConfig.name=main,clusterConfig.spec.targets={production,staging}',
        `--set-string=clusterConfig.spec.aws.region=${region},clusterConfig.spec.aws.clusterName=main`,
        '--set-string=clusterConfig.spec.aws.accountId=123456789012',
        '--set-string=clusterConfig.spec.aws.rolePath=/konstellation/main/',
      ]),
    );
    // Helm itself creates the namespace if it is called with --create-namespace.
    const { [`Namespace ${namespace}`]: made, ...rest } = installed;
    expect(made).toBeDefined();
    expect(Object.keys(rest)).toEqual(Object.keys(chart));
    expect(rest).toEqual(chart);
  });
});

describe('a real API server', () => {
  let cluster: TestControlPlane;
  beforeAll(async () => {
    cluster = await startControlPlane();
  });
  afterAll(() => cluster?.stop());

  it('accepts all objects of the chart and finds no unknown field, also when the objects are applied again', async () => {
    // Objects of other projects' APIs are left out, because the server does not have these APIs.
    const objects = (await helm.template(everything)).filter(
      ({ apiVersion }) => !apiVersion.startsWith('monitoring.'),
    );
    const crdObjects = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
    const apply = (given: readonly RenderedObject[]): Promise<string> =>
      cluster.kubectl(
        ['apply', '--server-side', '--validate=strict', '-f', '-'],
        given.map((object) => stringify(object, { lineWidth: 0 })).join('---\n'),
      );
    await cluster.kubectl(['create', 'namespace', identity.namespace]);
    await apply(crdObjects);
    await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    await untilServed(cluster, crdObjects);
    const others = objects.filter((object) => !crdObjects.includes(object));
    expect((await apply(others)).trim().split('\n')).toHaveLength(others.length);
    await apply(others);
    const config = await cluster.kubectl(['get', 'clusterconfig', 'main', '-o', 'jsonpath={.spec.targets}']);
    expect(config).toBe('["production","staging"]');
  });
});

describe('admission policies that are installed before the CRDs, as in docs/guides/install.md', () => {
  let cluster: TestControlPlane;
  beforeAll(async () => {
    cluster = await startControlPlane();
  });
  afterAll(() => cluster?.stop());

  const release = (verb: string, ...args: readonly string[]): Promise<string> =>
    helm.run([
      verb,
      'konstellation',
      chartFolder,
      `--kubeconfig=${cluster.kubeconfig}`,
      `--namespace=${identity.namespace}`,
      ...everything.filter((arg) => !arg.includes('metrics.')),
      ...args,
    ]);
  const account = JSON.stringify({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name: 'tried' },
    spec: { targets: ['production'], aws: { policyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] } },
  });

  it('refuse accounts as soon as the CRDs exist, before the ClusterConfig is created', async () => {
    await release('install', '--create-namespace', '--skip-crds', '--set=clusterConfig.create=false');
    await eventually('the probe to be refused', () =>
      cluster.kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(probeLease('default'))).then(
        () => undefined,
        ({ stderr = '' }: { readonly stderr?: string }) =>
          stderr.includes('the admission policies of Konstellation are enforced') || undefined,
      ),
    );
    await cluster.kubectl(
      ['apply', '--server-side', '-f', '-'],
      crds()
        .map((crd) => stringify(crd))
        .join('---\n'),
    );
    const role = ['create', 'clusterrole', 'author', '--verb=create', '--resource=lsa'];
    const answers: string[] = [];
    await eventually('the answer of an admission policy', async () => {
      const asAuthor = ['create', '-f', '-', '--as=author'];
      const answer = await cluster.kubectl(asAuthor, account).catch(({ stderr = '' }) => stderr as string);
      answers.push(answer);
      if (answer.includes('cannot create resource'))
        await cluster
          .kubectl(role)
          .then(() =>
            cluster.kubectl([
              'create',
              'clusterrolebinding',
              'author',
              '--clusterrole=author',
              '--user=author',
            ]),
          )
          .catch(() => undefined);
      return answer.includes('is not permitted') || answer.includes('created') ? true : undefined;
    });
    expect(answers.at(-1)).toContain('ValidatingAdmissionPolicy');
    expect(answers.filter((answer) => answer.includes('created'))).toEqual([]);
    await release('upgrade');
    const config = await cluster.kubectl(['get', 'clusterconfig', 'main', '-o', 'jsonpath={.spec.targets}']);
    expect(config).toBe('["production","staging"]');
    await cluster.kubectl(['create', '-f', '-'], account);
  });
});

describe('the web console', () => {
  it('is not installed unless it is enabled', () => {
    expect(rendered.filter(({ metadata }) => metadata.name.includes('console'))).toEqual([]);
  });

  it('has no rights and no token, and no object of the operator selects the pods of the console', async () => {
    const objects = await helm.template(['--set=console.enabled=true']);
    const added = objects.filter(({ metadata }) => metadata.name.endsWith('-console'));
    expect(added.map(({ kind }) => kind).toSorted()).toEqual([
      'Deployment',
      'NetworkPolicy',
      'Service',
      'ServiceAccount',
    ]);
    expect(objects.filter(({ kind }) => kind.endsWith('Binding'))).toEqual(
      rendered.filter(({ kind }) => kind.endsWith('Binding')),
    );
    const { template } = find(objects, 'Deployment', 'konstellation-console')['spec'] as Deployment & {
      readonly template: { readonly metadata: { readonly labels: Readonly<Record<string, string>> } };
    };
    expect(template.spec).toMatchObject({
      automountServiceAccountToken: false,
      serviceAccountName: 'konstellation-console',
      containers: [
        {
          args: ['console', '--in-cluster', '--port=8080'],
          securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
        },
      ],
    });
    // The operator's Deployment, Service, disruption budget and network policy select pods by this label, so its value
    // must differ here.
    expect(template.metadata.labels['app.kubernetes.io/name']).toBe('konstellation-console');
  });
});
