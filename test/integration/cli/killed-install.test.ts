/** `kon install` on a new cluster, killed right after each kind of write and then run again. */
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
/** State after one undisturbed installation. */
let installed: Snapshot;
const kubectl = (...args: string[]): Promise<string> => kon.world.cluster.kubectl(args);

async function expectFence(write: string): Promise<void> {
  expect(await gapsIn(fenceOf(installed), kon.world), `after ${write}`).toEqual([]);
}

beforeAll(async () => {
  kon = await startKillableKon();
  await kubectl('create', 'namespace', 'production');
  await kubectl('create', 'clusterrole', 'foreign', '--verb=get', '--resource=pods');
  await kon.run(install);
  installed = await kon.snapshot();
  await kon.run(uninstall);
  await kon.finishUninstallation();
});

afterAll(() => kon?.stop());

it('the next installation completes a killed installation, and no account is accepted before the admission policies exist', async () => {
  const kinds = await kon.runWithKills(install, expectFence);
  expect(await kon.snapshot()).toEqual(installed);
  for (const kind of ['CreateRole', 'PutRolePolicy', 'CreateOpenIDConnectProvider'])
    expect(kinds).toContain(kind);
  expect(kinds.some((kind) => kind.includes('customresourcedefinitions'))).toBe(true);
  expect(kinds.some((kind) => kind.includes('validatingadmissionpolicies'))).toBe(true);
  expect(await kon.run(install)).toEqual([]);
}, 400_000);
