import { expect, test } from 'vitest';
import { endpointVariables } from './endpoint-variables.ts';

const endpoint = 'http://127.0.0.1:20002';

test("the emulator's endpoint is set for all services, and separately for STS", () => {
  expect(endpointVariables(endpoint, { PATH: '/bin', AWS_ENDPOINT_URL_S3: '' })).toEqual({
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_STS: endpoint,
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
  });
});

test.each([
  ['AWS_ENDPOINT_URL', 'https://example.com', endpoint],
  ['AWS_ENDPOINT_URL_S3', 'https://minio.example', endpoint],
  ['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'true', 'false'],
  ['AWS_USE_FIPS_ENDPOINT', 'true', 'false'],
  ['AWS_USE_DUALSTACK_ENDPOINT', 'true', 'false'],
  ['AWS_CA_BUNDLE', '/etc/ca.pem', ''],
  ['NO_PROXY', '.svc', '.svc,127.0.0.1,localhost'],
])("the user's variable %s=%s is replaced by %j", (name, value, expected) => {
  expect(endpointVariables(endpoint, { [name]: value })[name]).toBe(expected);
});
