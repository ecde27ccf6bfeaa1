/** Objects that the STS actions depend on. */
import type { CredentialStore } from '../credentials.ts';
import type { Faults } from '../faults/faults.ts';
import type { IamState } from '../iam/state.ts';
import type { QueryAction } from '../wire/query-service.ts';
import type { TokenVerifier } from './token-verifier.ts';

export type StsEnv = {
  readonly state: IamState;
  readonly credentials: CredentialStore;
  readonly faults: Faults;
  readonly tokens: TokenVerifier;
};

export type StsAction = QueryAction<StsEnv>;
