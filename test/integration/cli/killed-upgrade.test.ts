/**
 * `kon install` over an installation of the previous version, killed right after each kind of write and then run again.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPreviousVersion, hasPreviousVersion } from '../../support/previous-version.ts';
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
/** State after one undisturbed upgrade. */
let upgraded: Snapshot;
/** Admission policies and bindings that also exist in the previous version. The upgrade must never remove them. */
let fence: readonly string[];

// A shallow clone has no previous version.
describe.skipIf(!hasPreviousVersion())('an upgrade', () => {
  beforeAll(async () => {
    let previous: string;
    [kon, previous] = await Promise.all([startKillableKon(), buildPreviousVersion()]);
    const installPrevious = install.filter((option) => option !== '--unbounded');
    await kon.world.cluster.kubectl(['create', 'namespace', 'production']);
    await kon.run(installPrevious, previous);
    const before = fenceOf(await kon.snapshot());
    await kon.run(install);
    upgraded = await kon.snapshot();
    fence = before.filter((part) => part in upgraded);
    await kon.run(uninstall);
    await kon.finishUninstallation();
    await kon.run(installPrevious, previous);
  });
  afterAll(() => kon?.stop());

  it('that was killed is completed by the next upgrade, and keeps the admission policies of both versions until then', async () => {
    expect(fence.length).toBeGreaterThan(0);
    const kinds = await kon.runWithKills(install, async (write) => {
      expect(await gapsIn(fence, kon.world), `after ${write}`).toEqual([]);
    });
    expect(await kon.snapshot()).toEqual(upgraded);
    for (const part of ['customresourcedefinitions', 'validatingadmissionpolicies', 'deployments'])
      expect(
        kinds.some((kind) => kind.includes(part)),
        part,
      ).toBe(true);
    expect(await kon.run(install)).toEqual([]);
  }, 400_000);
});
