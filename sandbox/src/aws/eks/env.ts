/** Objects that the EKS actions depend on. */
import type { Faults } from '../faults/faults.ts';
import type { IamState } from '../iam/state.ts';
import type { Identifiers } from '../identifiers.ts';
import type { RestAction } from '../wire/rest-json-service.ts';
import type { EksState } from './state.ts';

export type EksEnv = {
  readonly eks: EksState;
  readonly iam: IamState;
  readonly faults: Faults;
  readonly identifiers: Identifiers;
};

export type EksAction = RestAction<EksEnv>;
