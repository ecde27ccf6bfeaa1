import { describe, expect, it } from 'vitest';
import type { AppSpec } from '../../../../api/app.ts';
import { forwardedPort, parsePortRequest } from './forwarded-port.ts';

const spec: AppSpec = {
  image: 'web',
  ports: [{ name: 'http', port: 8000, protocol: 'TCP' }],
  targets: [{ name: 'production', deployMode: 'latest' }],
};

describe('a port to forward', () => {
  it.each([
    ['8080', { local: 8080, remote: 8080 }],
    ['8080:80', { local: 8080, remote: 80 }],
    [':80', { local: 0, remote: 80 }],
    ['0:80', { local: 0, remote: 80 }],
    ['http', { local: 0, remote: 8000 }],
    ['9000:http', { local: 9000, remote: 8000 }],
  ])('is read from %s', (text, port) => {
    expect(forwardedPort('web', spec, parsePortRequest(text))).toEqual(port);
  });

  it.each(['', ':', '80:', '0', '80:0', '65536', '70000:80', '1:2:3', 'HTTP', '-1', '127.0.0.1:80:80'])(
    'is not read from the invalid text "%s"',
    (text) => {
      expect(() => parsePortRequest(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );

  it('is refused if the app has no port of that name', () => {
    expect(() => forwardedPort('web', spec, parsePortRequest(':metrics'))).toThrow('no port "metrics"');
  });
});
