/**
 * The upgrade with Helm as docs/guides/upgrade.md describes it, from the previous version's chart, with a real Helm and
 * API server. The previous version is the revision in `test/support/previous-version.json`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { crds, schemaVersion, schemaVersionAnnotation } from '../../../src/api/index.ts';
import { admissionObjects } from '../../../src/rbac/index.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { chartFolder, findHelm, type Helm } from '../../support/helm.ts';
import { extractPreviousVersion, hasPreviousVersion } from '../../support/previous-version.ts';

const identity = { namespace: 'konstellation-system', name: 'konstellation' };
const newVersion = '0.2.0';
const account = {
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name: 'shop' },
  spec: {
    targets: ['production'],
    aws: { policyArns: ['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess'], tags: { team: 'shop' } },
    deletionPolicy: 'Retain',
  },
};
const values = [
  '--set=clusterConfig.create=true,clusterConfig.name=main,clusterConfig.spec.aws.region=eu-west-1',
  '--set=clusterConfig.spec.targets={production,staging}',
];
/** The path that a ClusterConfig without `rolePath` uses, according to the changelog. */
const addedValues = ['--set=clusterConfig.spec.aws.rolePath=/konstellation/'];

let folder: string;
let helm: Helm;
let cluster: TestControlPlane;

const release = (verb: string, ...args: readonly string[]): Promise<string> =>
  helm.run([
    verb,
    'konstellation',
    ...args,
    `--kubeconfig=${cluster.kubeconfig}`,
    `--namespace=${identity.namespace}`,
  ]);
const read = async <T = string>(resource: string, jsonpath: string): Promise<T> =>
  (await cluster.kubectl(['get', ...resource.split(' '), '-o', `jsonpath=${jsonpath}`])) as T;
const operatorImage = (): Promise<string> =>
  read(
    `deployment konstellation --namespace=${identity.namespace}`,
    '{.spec.template.spec.containers[0].image}',
  );
const policies = async (): Promise<readonly string[]> =>
  (await read('validatingadmissionpolicies', '{.items[*].metadata.name}')).split(' ').toSorted();
const storedAccount = async (): Promise<unknown> => {
  const { metadata, spec } = JSON.parse(await cluster.kubectl(['get', 'lsa', 'shop', '-o', 'json'])) as {
    metadata: { uid: string; resourceVersion: string };
    spec: unknown;
  };
  return { uid: metadata.uid, resourceVersion: metadata.resourceVersion, spec };
};

// A shallow clone has no previous version to upgrade from.
describe.skipIf(!hasPreviousVersion())('a Helm release', () => {
  let stored: unknown;
  let present: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kon-helm-upgrade-'));
    [helm, cluster] = await Promise.all([
      findHelm(),
      startControlPlane(),
      extractPreviousVersion(folder, 'charts/konstellation'),
    ]);
    await helm.run([
      'package',
      chartFolder,
      `--destination=${folder}`,
      `--version=${newVersion}`,
      `--app-version=${newVersion}`,
    ]);
    present = join(folder, `konstellation-${newVersion}.tgz`);
  });
  afterAll(async () => {
    await cluster?.stop();
    await helm?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('is installed from the chart of the previous version', async () => {
    await release('install', join(folder, 'charts/konstellation'), '--create-namespace', ...values);
    // An API server needs a moment before it serves new kinds.
    await eventually('the account to be accepted', () =>
      cluster.kubectl(['create', '-f', '-'], stringify(account)).catch(() => undefined),
    );
    stored = await storedAccount();
    expect(await operatorImage()).toContain(':0.1.0');
  });

  it('keeps every object unchanged when kubectl applies the new CRDs before the upgrade of the release', async () => {
    const manifests = crds().map((crd) => stringify(crd));
    await cluster.kubectl(
      ['apply', '--server-side', '--force-conflicts', '-f', '-'],
      manifests.join('---\n'),
    );
    const escaped = schemaVersionAnnotation.replaceAll('.', String.raw`\.`);
    for (const { metadata } of crds())
      expect(await read(`crd ${metadata.name}`, `{.metadata.annotations.${escaped}}`)).toBe(
        `${schemaVersion}`,
      );
    expect(await storedAccount()).toEqual(stored);
  });

  it('cannot be upgraded without a role path, and the attempt changes nothing', async () => {
    await expect(release('upgrade', present, ...values)).rejects.toThrow(
      'clusterConfig.spec.aws.rolePath is needed',
    );
    expect(await operatorImage()).toContain(':0.1.0');
  });

  it('is upgraded to the operator and the admission policies of this version', async () => {
    await release('upgrade', present, ...values, ...addedValues);
    expect(await operatorImage()).toContain(`:${newVersion}`);
    const expected = admissionObjects(identity)
      .filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
      .map(({ metadata }) => metadata.name);
    expect(await policies()).toEqual(expected.toSorted());
    expect(await storedAccount()).toEqual(stored);
    expect(JSON.parse(await read('clusterconfig main', '{.spec}'))).toEqual({
      targets: ['production', 'staging'],
      aws: { region: 'eu-west-1', rolePath: '/konstellation/', driftIntervalSeconds: 60 },
    });
  });

  it('is rolled back to the operator and the admission policies of the previous version, and keeps every object and CRD', async () => {
    const definitions = await cluster.kubectl(['get', 'crds', '-o', 'jsonpath={.items[*].spec}']);
    await release('rollback', '1');
    expect(await operatorImage()).toContain(':0.1.0');
    expect(await cluster.kubectl(['get', 'crds', '-o', 'jsonpath={.items[*].spec}'])).toBe(definitions);
    expect(await storedAccount()).toEqual(stored);
  });
});
