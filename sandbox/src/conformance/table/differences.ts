/** Reasons for differences between moto and AWS, each shared by several scenarios. */
import { answer, failure } from '../scenario.ts';
import type { Outcome } from '../scenario.ts';

type Difference = { readonly gives: Outcome; readonly why: string };

export const ownText = (code: string, status: number, text: string): Difference => ({
  gives: failure(code, status, text),
  why: 'moto has a different error message.',
});

export const unchecked: Difference = {
  gives: answer(),
  why: 'moto does not check the constraints of this parameter.',
};

export const noQuota: Difference = { gives: answer(), why: 'moto does not enforce this quota.' };

export const unencodedDocument = (shape: object): Difference => ({
  gives: answer(shape),
  why: 'moto does not URL-encode the document.',
});

export const mintsForAnyToken: Difference = {
  gives: answer(),
  why: 'moto returns credentials for any token, without checking its signature, its claims or the trust policy.',
};

export const assumesAnyRole: Difference = {
  gives: answer(),
  why: 'moto returns credentials for any role, even if the role does not exist or does not trust the caller.',
};

export const enforcesNothing: Difference = {
  gives: answer(),
  why: 'By default, moto evaluates no policies. With INITIAL_NO_AUTH_ACTION_COUNT, moto evaluates policies, but no session policies.',
};

export const missingOperation: Difference = {
  gives: failure('Error', 500),
  why: 'moto does not implement this operation.',
};

export const trustUnchecked: Difference = {
  gives: answer(),
  why: 'moto does not validate the principals and condition keys of a trust policy.',
};
