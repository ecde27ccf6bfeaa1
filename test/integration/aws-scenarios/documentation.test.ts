import { expect, test } from 'vitest';
import { areasOf } from './backends.ts';
import { renderComparison } from './render.ts';

test('the documented comparison is the tested one', async () => {
  // Run vitest with -u to write the page again.
  await expect(renderComparison(areasOf('emulator'))).toMatchFileSnapshot(
    '../../../docs/aws-emulator-vs-moto.md',
  );
});
