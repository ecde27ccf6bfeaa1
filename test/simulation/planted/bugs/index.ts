/**
 * Typical bugs of controllers. Each is planted in a copy of the operator's sources, one at a time, and must be caught:
 * a simulation that catches none of them proves nothing.
 */
import type { PlantedBug } from '../planted-bug.ts';
import { appBugs } from './apps.ts';
import { deletionBugs } from './deletion.ts';
import { kubernetesBugs } from './kubernetes.ts';
import { lastUseBugs } from './last-use.ts';
import { ownershipBugs } from './ownership.ts';
import { policyBugs } from './policies.ts';
import { quarantineBugs } from './quarantine.ts';
import { skewAndRestoreBugs } from './skew-and-restores.ts';
import { targetBugs } from './targets.ts';

export const plantedBugs: readonly PlantedBug[] = [
  ...policyBugs,
  ...targetBugs,
  ...deletionBugs,
  ...ownershipBugs,
  ...kubernetesBugs,
  ...appBugs,
  ...skewAndRestoreBugs,
  ...quarantineBugs,
  ...lastUseBugs,
];
