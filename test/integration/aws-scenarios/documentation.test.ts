import { expect, test } from 'vitest';
import { renderComparison } from './render.ts';
import { areas } from './table/table.ts';

test('the documented comparison is the one that is tested', async () => {
  // Run vitest with -u to write the page anew.
  await expect(renderComparison(areas)).toMatchFileSnapshot('../../../docs/aws-emulator-vs-moto.md');
});
