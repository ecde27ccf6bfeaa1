/** Steps of the tour, in order of execution. */
import { createAccount } from './steps/create-account.ts';
import { deleteAccount } from './steps/delete-account.ts';
import { editAccount } from './steps/edit-account.ts';
import { editApp } from './steps/edit-app.ts';
import { podsWithoutAccount } from './steps/pods-without-account.ts';
import { refuseIntruder } from './steps/refuse-intruder.ts';
import { repairDrift } from './steps/repair-drift.ts';
import { usePermissions } from './steps/use-permissions.ts';
import type { TourStep } from './tour.ts';

export const tourSteps: readonly TourStep[] = [
  podsWithoutAccount,
  createAccount,
  editApp,
  usePermissions,
  editAccount,
  repairDrift,
  refuseIntruder,
  deleteAccount,
];
