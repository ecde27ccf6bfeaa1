/** Objects that the IAM actions depend on, and the function that declares an action. */
import type { Requirement } from '../authorise.ts';
import type { Faults } from '../faults/faults.ts';
import type { Identifiers } from '../identifiers.ts';
import type { RequestContext } from '../../../../src/policy/model.ts';
import type { QueryAction, QueryResult } from '../wire/query-service.ts';
import { signedAction } from '../wire/query-service.ts';
import type { Caller } from '../wire/service.ts';
import type { InputOf, Shape } from '../wire/shape.ts';
import type { IamState } from './state.ts';

type IamEnv = {
  readonly state: IamState;
  readonly identifiers: Identifiers;
  readonly faults: Faults;
};

export type IamCall = {
  readonly state: IamState;
  readonly identifiers: Identifiers;
  readonly caller: Caller;
  /** Current time, in milliseconds since the epoch. */
  readonly now: number;
  /** Point in time whose state a read returns. */
  readonly at: number;
};

export type IamAction = QueryAction<IamEnv>;

/** Resource of a call: its ARN, its name in error messages, and its condition keys. */
export type Subject = {
  readonly arn: string;
  readonly shown?: string;
  readonly context?: RequestContext;
};

type IamDefinition<S extends Shape> = {
  readonly name: string;
  readonly access: 'read' | 'write';
  readonly input: S;
  readonly subject: (input: InputOf<S>, state: IamState) => Subject;
  /** Permissions that the call needs in addition to the permission with the action's name. */
  readonly also?: (input: InputOf<S>, subject: Subject) => readonly Requirement[];
  readonly run: (input: InputOf<S>, call: IamCall) => QueryResult;
};

export function iamAction<S extends Shape>(definition: IamDefinition<S>): IamAction {
  return signedAction<IamEnv, S>({
    name: definition.name,
    access: definition.access,
    input: definition.input,
    resource: (input, { state }) => definition.subject(input, state).arn,
    requirements: (input, { state }) => {
      const subject = definition.subject(input, state);
      return [requirement(`iam:${definition.name}`, subject), ...(definition.also?.(input, subject) ?? [])];
    },
    run: (input, { state, identifiers, faults }, { caller, request }) => {
      const { now } = request;
      const at = definition.access === 'read' ? faults.readsAsOf(now) : now;
      return definition.run(input, { state, identifiers, caller, now, at });
    },
  });
}

export const requirement = (action: string, subject: Subject): Requirement => ({
  action,
  resource: subject.arn,
  shownResource: subject.shown,
  context: subject.context,
});
