import { expect, test } from 'vitest';
import { loadSandbox } from './engine.ts';
import { logChoices } from './logs.ts';

test('the log names that kon sandbox logs offers are exactly the log names of the sandbox package', async () => {
  expect(logChoices).toEqual((await loadSandbox()).logNames);
});
