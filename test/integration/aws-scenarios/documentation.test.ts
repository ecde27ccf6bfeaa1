import { expect, test } from 'vitest';
import { areasOf } from './backends.ts';
import { renderComparison } from './render.ts';

test('the comparison of the emulator with moto in the documentation matches the comparison that the tests verify', async () => {
  // Run vitest with -u to regenerate the page.
  await expect(renderComparison(areasOf('emulator'))).toMatchFileSnapshot(
    '../../../docs/aws-emulator-vs-moto.md',
  );
});
