import { expect, test } from 'vitest';
import { loadSandbox } from './engine.ts';
import { logChoices } from './logs.ts';

test('the parts that logs offers are those that there are', async () => {
  expect(logChoices).toEqual((await loadSandbox()).logNames);
});
