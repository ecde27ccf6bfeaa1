/** Plans for the description of a role: the text from the account's spec, or a default. */
import { describe, expect, it } from 'vitest';
import {
  applyStep,
  createWorld,
  edit,
  observe,
  readOnly,
  resync,
  settle,
} from '../testing/simulated-world.ts';
import { kinds, name, roleOf, settled, theirs } from '../testing/settled-world.ts';
import { planAccount } from './account.ts';
import type { SimulatedWorld } from '../testing/simulated-world.ts';

const aws = { policyArns: [readOnly], description: 'Payments API' };
const defaultDescription = 'LinkedServiceAccount myaccount on cluster main';

/** Changes settings of the role out of band. The operator then reads the role. */
function changeOutOfBand(
  world: SimulatedWorld,
  settings: { description?: string; maxSessionDuration?: number },
): void {
  const role = { ...roleOf(world), ...settings };
  world.roles.set(name, role);
  world.cachedRoles.set(name, { role, source: 'read' });
}

describe('the description of a role', () => {
  it('is set by the call that creates the role, and by default contains the names of the account and the cluster', () => {
    const world = createWorld({ aws });
    settle(world);
    expect(roleOf(world).description).toBe('Payments API');
    expect(kinds(world)).not.toContain('UpdateRole');
    expect(roleOf(settled()).description).toBe(defaultDescription);
  });

  it("is updated from the account's spec by one call, together with the session duration", () => {
    const world = settled();
    edit(world, { aws: { ...aws, maxSessionDuration: 7200 } });
    settle(world);
    expect(world.journal.map(({ step }) => step)).toEqual([
      {
        kind: 'UpdateRole',
        role: name,
        settings: { description: 'Payments API', maxSessionDuration: 7200 },
      },
    ]);
    edit(world, { aws });
    settle(world);
    expect(roleOf(world)).toMatchObject({ description: 'Payments API', maxSessionDuration: 3600 });
    edit(world, { aws: { policyArns: [readOnly] } });
    settle(world);
    expect(roleOf(world).description).toBe(defaultDescription);
  });

  it('is repaired after an out-of-band change, and the drift report lists only the description', () => {
    const world = settled();
    changeOutOfBand(world, { description: 'mine' });
    const { drift, steps } = planAccount(observe(world));
    expect(drift).toEqual(['the description of the role was changed to "mine"']);
    expect(steps).toEqual([
      {
        kind: 'UpdateRole',
        role: name,
        settings: { description: defaultDescription, maxSessionDuration: 3600 },
      },
    ]);
    settle(world);
    expect(roleOf(world).description).toBe(defaultDescription);
  });

  it('causes no drift while the operator knows the role only from a listing, which contains no descriptions', () => {
    const world = settled();
    const { description: _, maxSessionDuration: __, ...listed } = roleOf(world);
    world.cachedRoles.set(name, { role: listed, source: 'list' });
    expect(planAccount(observe(world)).steps).toEqual([]);
    applyStep(world, { kind: 'ReadRole', role: name, why: 'a test' });
    expect(planAccount(observe(world)).steps).toEqual([]);
    resync(world);
    expect(planAccount(observe(world))).toMatchObject({ steps: [], drift: [] });
  });

  it.each([
    ['of an adopted role is kept if the account states no description', undefined, 'by Terraform'],
    ['of an adopted role is replaced if the account states a description', 'Payments API', 'Payments API'],
  ])('%s', (_title, description, expected) => {
    const world = createWorld({
      aws: {
        policyArns: [],
        roleName: theirs.name,
        adopt: true,
        ...(description === undefined ? {} : { description }),
      },
    });
    world.roles.set(theirs.name, { ...theirs, description: 'by Terraform', maxSessionDuration: 43_200 });
    settle(world);
    expect(world.roles.get(theirs.name)).toMatchObject({ description: expected, maxSessionDuration: 43_200 });
  });
});
