import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IAMClient, ListOpenIDConnectProvidersCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issuerKeysFrom } from './issuer-keys.ts';
import { startStandaloneEmulator } from './standalone.ts';
import { createTokenIssuer, issuer } from './testing/emulator.ts';
import { wallClock } from '../../../src/k8s/testing/clocks.ts';

const keyDocument = { keys: [(await createTokenIssuer(wallClock)).jwk] };
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aws-emulator-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the stand-alone emulator', () => {
  it('returns environment variables with the access key of an administrator of the AWS account', async () => {
    await using emulator = await started();
    const { environment } = emulator.running;
    const iam = new IAMClient({
      endpoint: environment['AWS_ENDPOINT_URL'] ?? '',
      region: environment['AWS_REGION'] ?? '',
      credentials: {
        accessKeyId: environment['AWS_ACCESS_KEY_ID'] ?? '',
        secretAccessKey: environment['AWS_SECRET_ACCESS_KEY'] ?? '',
      },
    });
    const { OpenIDConnectProviderList: providers } = await iam.send(new ListOpenIDConnectProvidersCommand());
    expect(providers).toEqual([
      { Arn: `arn:aws-cn:iam::000000000000:oidc-provider/${issuer.slice('https://'.length)}` },
    ]);
  });

  async function started() {
    const running = await startStandaloneEmulator({
      partition: 'aws-cn',
      issuers: [{ issuer, keys: 'none.json' }],
      now: wallClock,
      randomBytes,
    });
    return { running, [Symbol.asyncDispose]: () => running.close() };
  }
});

describe('the keys of an issuer', () => {
  it('are read from a file when a token needs them', async () => {
    const file = join(folder, 'keys.json');
    const keys = issuerKeysFrom([{ issuer, keys: file }]);
    await expect(keys(issuer)).rejects.toThrow(/ENOENT/);
    await writeFile(file, JSON.stringify(keyDocument));
    expect(await keys(issuer)).toEqual(keyDocument);
    await writeFile(file, '{"keys": "none"}');
    await expect(keys(issuer)).rejects.toThrow(/keys/);
    await expect(keys('https://other.example.com')).rejects.toThrow(/no keys are known/);
  });

  it('are fetched from a URL', async () => {
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/keys' ? 200 : 404).end(JSON.stringify(keyDocument));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const address = server.address();
      const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
      expect(await issuerKeysFrom([{ issuer, keys: `${url}/keys` }])(issuer)).toEqual(keyDocument);
      await expect(issuerKeysFrom([{ issuer, keys: `${url}/other` }])(issuer)).rejects.toThrow(
        /answered 404/,
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
