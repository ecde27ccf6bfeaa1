/** Keys of OIDC issuers for the stand-alone emulator, read from files and URLs. */
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { IssuerKeys } from './sts/token-verifier.ts';

export type IssuerSource = {
  /** `iss` claim of the tokens. */
  readonly issuer: string;
  /** Path or http(s) URL of a key document (RFC 7517). The document is read again if a token names an unknown key. */
  readonly keys: string;
};

const keyDocument = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) });
const timeoutMs = 5000;

/**
 * Reads the keys of the given issuers. `ca` (PEM) is the only trusted certificate authority for https URLs; the default
 * is the system's authorities.
 */
export function issuerKeysFrom(
  sources: readonly IssuerSource[],
  options: { readonly ca?: string } = {},
): IssuerKeys {
  return async (issuer) => {
    const source = sources.find((candidate) => candidate.issuer === issuer);
    if (!source) throw new Error(`no keys are known for the issuer ${issuer}`);
    const text = /^https?:\/\//.test(source.keys)
      ? await fetchText(source.keys, options.ca)
      : await readFile(source.keys, 'utf8');
    return keyDocument.parse(JSON.parse(text));
  };
}

async function fetchText(url: string, ca: string | undefined): Promise<string> {
  // Each fetch has its own agent: fetches are minutes apart, and an idle connection would keep the process alive.
  const dispatcher = new Agent({ connect: ca === undefined ? {} : { ca } });
  try {
    const { statusCode, body } = await request(url, { dispatcher, signal: AbortSignal.timeout(timeoutMs) });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
    return text;
  } finally {
    await dispatcher.close();
  }
}
