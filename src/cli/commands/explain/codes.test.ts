import { describe, expect, it } from 'vitest';
import { errorMeanings } from '../../framework/error-meanings.ts';
import { registeredChecks } from '../doctor/registry.ts';
import { explainCommand, explanations, explanationsOf } from './codes.ts';

describe('explanationsOf', () => {
  it('gives the meaning and the next step of a reason, an AWS error and an error of kon', () => {
    expect(explanationsOf('TooManyPolicies')[0]).toMatchObject({
      source: 'a reason of accounts and clusters',
      steps: ['Correct the policies: kon account edit NAME', 'Show the account: kon account show NAME'],
    });
    expect(explanationsOf('PolicyNotFound')[0]?.steps[0]).toContain('Correct the ARN or name');
    expect(explanationsOf('NOT_READY')[0]?.source).toBe('an error of kon, with exit code 1');
  });

  it('ignores case and separators, and finds nothing for an unknown code', () => {
    expect(explanationsOf('not-ready')).toEqual(explanationsOf('NOT_READY'));
    expect(explanationsOf('nonsense')).toEqual([]);
  });
});

describe('explainCommand', () => {
  it('names the reason from the status if the reason has an explanation, and otherwise the error code', () => {
    expect(explainCommand({ code: 'NOT_READY', reason: 'PolicyNotFound' })).toBe(
      'kon explain PolicyNotFound',
    );
    expect(explainCommand({ code: 'NOT_READY', reason: 'ContainerCreating' })).toBe('kon explain NOT_READY');
    expect(explainCommand({ code: 'FORBIDDEN', reason: undefined })).toBe('kon explain FORBIDDEN');
  });
});

it('every code has a meaning, and every error of kon and every check of doctor is listed with a next step', () => {
  expect(explanations.filter(({ meaning }) => meaning === '')).toEqual([]);
  for (const code of [...Object.keys(errorMeanings), ...registeredChecks.map(({ id }) => id)])
    expect(explanationsOf(code)[0]?.steps, code).not.toEqual([]);
});
