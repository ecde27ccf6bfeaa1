import { expect, test } from 'vitest';
import { loadSandbox } from './engine.ts';
import { logChoices } from './logs.ts';

test('kon sandbox logs offers exactly the logs of the sandbox', async () => {
  expect(logChoices).toEqual((await loadSandbox()).logNames);
});
