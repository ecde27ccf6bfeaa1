/** This separate module is needed because `await import()` of a bundled CommonJS package has no named exports. */
export { SocksClient } from 'socks';
