import { crds } from '../../../src/api/index.ts';
import { untilServed, type TestControlPlane } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import type { Kon } from './kon.ts';

/** Installs the CRDs that `kon crds` prints, and waits until they are served. */
export async function installCrds(cluster: TestControlPlane, kon: Kon): Promise<void> {
  const { stdout } = await kon.run(['crds']);
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], stdout);
  const wait = ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'];
  // kubectl fails as long as a CRD has no conditions at all.
  await eventually('the CRDs to be established', () => cluster.kubectl(wait).catch(() => undefined));
  await untilServed(cluster, crds());
}
