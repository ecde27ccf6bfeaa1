/** Scenarios: a few acts of users on accounts and apps, with time in between for the operator to apply each act. */
import { accountsScenarios } from './scenarios/accounts.ts';
import { targetsScenarios } from './scenarios/targets.ts';
import { ownershipScenarios } from './scenarios/ownership.ts';
import { quarantineScenarios } from './scenarios/quarantine.ts';
import { appsScenarios } from './scenarios/apps.ts';
import { outOfBandScenarios } from './scenarios/out-of-band.ts';
import { laterVersionsScenarios } from './scenarios/later-versions.ts';
import { backupsScenarios } from './scenarios/backups.ts';
import type { Scenario } from './scenarios/scenario.ts';

export type { Scenario } from './scenarios/scenario.ts';

export const scenarios: readonly Scenario[] = [
  ...accountsScenarios,
  ...targetsScenarios,
  ...ownershipScenarios,
  ...quarantineScenarios,
  ...appsScenarios,
  ...outOfBandScenarios,
  ...laterVersionsScenarios,
  ...backupsScenarios,
];
