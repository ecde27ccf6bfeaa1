/**
 * The upgrade from the previous version to this one, and the downgrade, with real executables of both: `kon install` of
 * the previous version creates a cluster whose pods use AWS; `kon install` of this version upgrades CRDs, admission
 * policies, permissions and operator; and the downgrade requires consent. The previous version is the revision in
 * `test/support/previous-version.json`.
 */
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  allowDowngradeAnnotation,
  linkedServiceAccounts,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import { buildBundle } from '../support/bundle.ts';
import { roleNameOf, type RoleSnapshot } from '../support/emulator.ts';
import { eventually } from '../support/eventually.ts';
import type { Finished, Running } from '../support/executable.ts';
import { inSandbox, runAsPod } from '../support/operator-pod.ts';
import { createPerson, policies, uidsOf, type Person, type Pod } from '../support/person.ts';
import { buildPreviousVersion, hasPreviousVersion } from '../support/previous-version.ts';
import { startSandbox, type TestSandbox } from '../support/sandbox.ts';

const targets = ['production', 'staging'] as const;
const newVersion = '0.2.0';

let sandbox: TestSandbox;
let person: Person;
let previous: string;
let present: string;
let operator: Running | undefined;

/** Runs a command of either version as a user who has a kubeconfig and AWS credentials. */
const kon = (executable: string, line: string): Promise<Finished> => {
  const { kubeconfig, awsEndpoint, credentials } = sandbox.description;
  const env = {
    KUBECONFIG: kubeconfig,
    AWS_ENDPOINT_URL: awsEndpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  return sandbox.executable.run(line.split(' '), { env, executable });
};

const installOptions = [
  ...targets.map((target) => `--target ${target}`),
  ...['S3', 'SQS'].map((service) => `--allow-policy arn:aws:iam::aws:policy/Amazon${service}*`),
  '--yes',
].join(' ');

type OperatorPod = Pod & KubeObject;

/**
 * Installs a version. Its Deployment replaces the operator's pod: the process that runs for the old pod ends, and one
 * for the new pod starts.
 */
async function install(executable: string, version: string, ...options: readonly string[]): Promise<string> {
  const isWanted = ({ spec }: OperatorPod): boolean =>
    spec.containers[0]?.image?.endsWith(`:${version}`) === true;
  const installed = kon(executable, ['install', installOptions, ...options].join(' ')).then(
    ({ code, stdout, stderr }) => {
      expect(code, stderr).toBe(0);
      return stdout;
    },
  );
  const replaced = async (): Promise<void> => {
    await eventually(`a pod of version ${version}`, async () => {
      const { items } = await sandbox.client.list<OperatorPod>(resources.pods, {
        namespace: 'konstellation',
      });
      return items.some(isWanted) || undefined;
    });
    await operator?.end('SIGTERM');
    operator = await runAsPod(sandbox, [process.execPath, executable], isWanted);
  };
  const [stdout] = await Promise.all([installed, replaced()]);
  return stdout;
}

/** Calls S3 from the app's pod in each target, with the pod's current credentials. */
async function podsReachAws(): Promise<void> {
  const probe = join(dirname(sandbox.executable.kon[1] ?? ''), 's3-probe.js');
  for (const target of targets) {
    const exec = ['sandbox', 'exec', '-n', target, 'deploy/shop', '--', process.execPath, probe, 'list'];
    const { code, stdout, stderr } = await sandbox.kon(exec, inSandbox(sandbox.description));
    expect({ target, code, output: code === 0 ? '' : stdout + stderr }).toEqual({
      target,
      code: 0,
      output: '',
    });
  }
}
const podsOf = async (): Promise<readonly string[]> =>
  uidsOf((await Promise.all(targets.map((target) => person.pods('shop', target)))).flat());
const roleOf = async (account: string): Promise<RoleSnapshot | undefined> => {
  const { status } = await sandbox.client.get<LinkedServiceAccount>(linkedServiceAccounts, { name: account });
  return sandbox.aws.role(roleNameOf(status?.roleArn ?? ''));
};

const definitions = async (): Promise<readonly KubeObject[]> =>
  (await sandbox.client.list<KubeObject>(resources.customResourceDefinitions)).items.filter(({ metadata }) =>
    metadata.name.endsWith('.k11n.dev'),
  );

/** Returns the operator's calls that changed something in AWS, from a position in the journal on. */
async function operatorChanges(position: number): Promise<readonly string[]> {
  const calls = await sandbox.aws.journal(position);
  return calls
    .filter(({ changed, caller }) => changed && caller?.includes('konstellation-operator'))
    .map(({ action }) => action);
}

let pods: readonly string[];

// A shallow clone has no previous version to upgrade from.
describe.skipIf(!hasPreviousVersion())('an installation', () => {
  beforeAll(async () => {
    sandbox = await startSandbox({ bare: true });
    person = createPerson(sandbox.client);
    const { folder } = sandbox.executable;
    present = join(folder, 'present', 'kon.js');
    [previous] = await Promise.all([buildPreviousVersion(), buildBundle(dirname(present), newVersion)]);
  });
  afterAll(async () => {
    await operator?.end('SIGTERM');
    await sandbox?.stop();
  });

  it('of the previous version runs an app whose pods reach AWS', async () => {
    await install(previous, '0.1.0');
    await person.createAccount('shop', { policyArns: [policies.readOnly] });
    await person.createApp('shop', { serviceAccount: 'shop' });
    await person.untilAppReady('shop');
    await podsReachAws();
    pods = await podsOf();
  });

  it('is upgraded without the loss of a pod or of its access, with only the writes that the changelog announces', async () => {
    const position = await sandbox.aws.position();
    const before = await roleOf('shop');
    const installed = new AbortController();
    const probing = async (): Promise<void> => {
      while (!installed.signal.aborted) await podsReachAws();
    };
    const installing = install(present, newVersion).finally(() => installed.abort());
    await Promise.all([installing, probing()]);
    await person.editPolicies('shop', [policies.readOnly, policies.queues]);
    await person.untilReady('shop');
    const after = await roleOf('shop');
    // Every role gets the tag for the issuer, and the edit attaches a policy.
    expect(await operatorChanges(position)).toEqual(['TagRole', 'AttachRolePolicy']);
    expect(after).toEqual({
      ...before,
      attached: [policies.readOnly, policies.queues],
      tags: { ...before?.tags, 'k11n.dev/issuer': sandbox.description.issuer.slice('https://'.length) },
    });
    expect(await podsOf()).toEqual(pods);
    await podsReachAws();
  });

  it('refuses a downgrade without consent, and the attempt changes nothing', async () => {
    const before = await definitions();
    const refused = await kon(previous, `install ${installOptions}`);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('k11n.dev/allow-downgrade=0') });
    expect(await definitions()).toEqual(before);
    expect(await podsOf()).toEqual(pods);
    await podsReachAws();
  });

  it('is downgraded with consent, without the loss of a pod or of its access', async () => {
    const consent = { metadata: { annotations: { [allowDowngradeAnnotation]: '0' } } };
    for (const { metadata } of await definitions())
      await sandbox.client.patch(resources.customResourceDefinitions, metadata, consent, {
        type: 'merge',
        fieldManager: 'test',
      });
    const position = await sandbox.aws.position();
    await install(previous, '0.1.0');
    await person.editPolicies('shop', [policies.readOnly]);
    await person.untilReady('shop');
    // The previous version does not know the tag for the issuer, and removes this tag as drift.
    expect(await operatorChanges(position)).toEqual(['UntagRole', 'DetachRolePolicy']);
    expect(await podsOf()).toEqual(pods);
    await podsReachAws();
  });
});
