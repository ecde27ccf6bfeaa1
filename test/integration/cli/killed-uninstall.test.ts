/** `kon uninstall`, killed right after each kind of write and then run again. */
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  fenceOf,
  gapsIn,
  install,
  startKillableKon,
  uninstall,
  type KillableKon,
  type Snapshot,
} from './killable-kon.ts';

let kon: KillableKon;
/** State after one undisturbed installation and uninstallation. */
let removed: Snapshot;
/** Admission policies and bindings of an installation. */
let fence: readonly string[];

beforeAll(async () => {
  kon = await startKillableKon();
  const { cluster, iam } = kon.world;
  await cluster.kubectl(['create', 'namespace', 'production']);
  await cluster.kubectl(['create', 'clusterrole', 'foreign', '--verb=get', '--resource=pods']);
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  await iam.send(
    new CreateRoleCommand({ RoleName: 'foreign', AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  await kon.run(install);
  fence = fenceOf(await kon.snapshot());
  await kon.run(uninstall);
  await kon.finishUninstallation();
  removed = await kon.snapshot();
  await kon.run(install);
});

afterAll(() => kon?.stop());

it('a killed uninstallation is completed by the next one, without removing objects that others created; the admission policies exist as long as accounts can be created', async () => {
  expect(Object.keys(removed)).toEqual(expect.arrayContaining(['role foreign', 'ClusterRole /foreign']));
  expect(fence.length).toBeGreaterThan(0);
  const kinds = await kon.runWithKills(uninstall, async (write) => {
    expect(await gapsIn(fence, kon.world), `after ${write}`).toEqual([]);
  });
  await kon.finishUninstallation();
  expect(await kon.snapshot()).toEqual(removed);
  for (const kind of ['DeleteRole', 'DeleteRolePolicy', 'DeleteOpenIDConnectProvider'])
    expect(kinds).toContain(kind);
  expect(kinds).toContain('DELETE customresourcedefinitions');
  expect(kinds).toContain('DELETE validatingadmissionpolicies');
});
