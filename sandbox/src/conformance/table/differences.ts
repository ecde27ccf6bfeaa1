/** Reasons for differences between moto and AWS, each shared by several scenarios. */
import { answer, failure } from '../scenario.ts';
import type { Outcome } from '../scenario.ts';

type Difference = { readonly gives: Outcome; readonly why: string };

export const ownText = (code: string, status: number, text: string): Difference => ({
  gives: failure(code, status, text),
  why: 'moto has a text of its own.',
});

export const unchecked: Difference = {
  gives: answer(),
  why: 'moto does not check the constraints of this parameter.',
};

export const noQuota: Difference = { gives: answer(), why: 'moto does not know this quota.' };

export const unencodedDocument = (shape: object): Difference => ({
  gives: answer(shape),
  why: 'moto leaves out the URL encoding of the document.',
});

export const mintsForAnyToken: Difference = {
  gives: answer(),
  why: 'moto gives credentials for any token: it checks neither signature nor claims nor trust policy.',
};

export const assumesAnyRole: Difference = {
  gives: answer(),
  why: 'moto gives credentials for any role, whether it exists and whom it trusts.',
};

export const enforcesNothing: Difference = {
  gives: answer(),
  why: 'moto evaluates no policies unless it is asked to (INITIAL_NO_AUTH_ACTION_COUNT), and then without session policies.',
};

export const missingOperation: Difference = {
  gives: failure('Error', 500),
  why: 'moto does not have this operation.',
};

export const trustUnchecked: Difference = {
  gives: answer(),
  why: 'moto does not look at the principals and condition keys of a trust policy.',
};
