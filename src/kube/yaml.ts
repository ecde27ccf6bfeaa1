/** Separate module, because `await import()` of a bundled CommonJS package has no named exports. */
export { parse } from 'yaml';
