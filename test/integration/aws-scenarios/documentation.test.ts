import { expect, test } from 'vitest';
import { renderComparison } from './render.ts';
import { areas } from '../../../sandbox/src/conformance/table/table.ts';

test('the documented comparison is the tested one', async () => {
  // Run vitest with -u to write the page again.
  await expect(renderComparison(areas)).toMatchFileSnapshot('../../../docs/aws-emulator-vs-moto.md');
});
