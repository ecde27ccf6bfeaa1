/**
 * Checks the simulated API server against the conformance table. `test/integration/simulation-conformance` checks a
 * real API server against the same table.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { resources } from '../../../src/kube/index.ts';
import { createSimulatedApiServer } from '../api-server/simulated-api-server.ts';
import { issuer } from '../simulation.ts';
import { createVirtualTime } from '../virtual-time.ts';
import { conformanceTable } from './table.ts';

describe('the simulated API server', () => {
  let stop = (): void => undefined;
  afterEach(() => stop());

  it.each(conformanceTable)('$name', async ({ run, sees }) => {
    const time = createVirtualTime(Date.parse('2026-01-01T00:00:00Z'));
    const { client } = createSimulatedApiServer({ ...time, issuer });
    await client.create(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'case' },
    });
    let isOver = false;
    stop = () => {
      isOver = true;
    };
    const seen = run({
      client,
      namespace: 'case',
      pause: (ms) => new Promise((resolve) => void time.setTimer(resolve, ms)),
    }).finally(stop);
    void time.pass(3_600_000, () => isOver);
    expect(await seen).toEqual(sees);
  });
});
