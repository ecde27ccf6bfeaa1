/**
 * Apps whose new pods would not get their identity: the operator repeats the dry run with back-off, and immediately
 * after a change.
 */
import { expect, it } from 'vitest';
import { apps, type App } from '../../src/api/index.ts';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import { create, deletePods, deploy, redeploy, webhook } from './acts.ts';
import { startSimulation, type Simulation } from './simulation.ts';

const minute = 60_000;

/** Returns the creation times of dry-run pods from `since` on, in milliseconds after `since`. */
const dryRunsSince = ({ reads }: Simulation, since: number): readonly number[] =>
  reads
    .filter(({ at, what }) => at >= since && what.startsWith('kube try pods '))
    .map(({ at }) => at - since);

const image = ({ server }: Simulation): string | undefined => {
  const deployment = server.get(resources.deployments, 'app', 'production') as
    | (KubeObject & { spec: { template: { spec: { containers: { image?: string }[] } } } })
    | undefined;
  return deployment?.spec.template.spec.containers[0]?.image;
};

const reason = ({ server }: Simulation): string | undefined =>
  (server.get(apps, 'app') as App | undefined)?.status?.targets?.find(({ name }) => name === 'production')
    ?.reason;

/**
 * Starts a simulation with an App whose new image has waited for `forMs` milliseconds, because the webhook does not
 * respond.
 */
async function held(forMs: number): Promise<Simulation> {
  const simulation = await startSimulation();
  const { time } = simulation;
  await create('a')(simulation);
  await deploy('app', { serviceAccount: 'a' })(simulation);
  expect(await time.pass(2 * minute, () => reason(simulation) === 'Available')).toBe(true);
  await time.pass(minute);
  await webhook('away')(simulation);
  await redeploy('app', { serviceAccount: 'a', image: 'redis' })(simulation);
  expect(await time.pass(minute, () => reason(simulation) === 'NotInjected')).toBe(true);
  await time.pass(forMs);
  expect(reason(simulation)).toBe('NotInjected');
  return simulation;
}

it('the delay between dry runs grows to at most one minute, so that the App is deployed within a minute after the webhook works again', async () => {
  const simulation = await held(0);
  const { time } = simulation;
  const since = time.now();
  await time.pass(30 * minute);
  const tries = dryRunsSince(simulation, since);
  // The App has a separate back-off for each target.
  expect(tries.filter((at) => at < minute).length).toBeGreaterThan(2);
  expect(tries.length).toBeLessThan(150);
  expect(Math.max(...tries.map((at, index) => at - (tries[index - 1] ?? 0)))).toBeLessThanOrEqual(minute);

  await webhook('back')(simulation);
  expect(await time.pass(minute + 1_000, () => image(simulation)?.includes('redis') === true)).toBe(true);
});

it.each([
  [
    'the ServiceAccount',
    ({ server }: Simulation) =>
      server.client.patch(
        resources.serviceAccounts,
        { namespace: 'production', name: 'a' },
        { metadata: { annotations: { 'example.com/touched': 'yes' } } },
        { type: 'merge' },
      ),
  ],
  ['the pods', deletePods('app', 'production')],
] as const)(
  'a change of %s causes a dry run at once, and the delays start again from the shortest',
  async (_, change) => {
    const simulation = await held(20 * minute);
    const { time } = simulation;
    const since = time.now();
    await change(simulation);
    await time.pass(20_000);
    const tries = dryRunsSince(simulation, since);
    expect(tries[0]).toBeLessThanOrEqual(1_000);
    expect(tries.filter((at) => at > 1_500).length).toBeGreaterThan(0);
  },
);
