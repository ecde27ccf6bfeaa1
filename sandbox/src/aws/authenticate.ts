/** Authenticates a received request: determines its caller and its payload. */
import type { CredentialStore } from './credentials.ts';
import { callerOf } from './credentials.ts';
import type { IamState } from './iam/state.ts';
import type { Payload } from './wire/payload.ts';
import { readPayload } from './wire/payload.ts';
import type { Authentication, AuthenticationFailure, Caller } from './wire/service.ts';
import type { ParsedSignature, Signature, SignedRequest, SigningKey } from './wire/sigv4.ts';
import { sameSignature, verifySignature } from './wire/sigv4.ts';

type Authenticated = {
  readonly authentication: Authentication;
  readonly body: Uint8Array;
  readonly trailers: Readonly<Record<string, string>>;
};

export type Authenticator = (request: SignedRequest, parsed: ParsedSignature, now: number) => Authenticated;

export function createAuthenticator(options: {
  readonly credentials: CredentialStore;
  readonly state: IamState;
  /** Returns the point in time whose IAM state decides the caller's permissions. */
  readonly authorisesAsOf: (now: number) => number;
  /**
   * If the emulator does not enforce policies, gives the caller all permissions. Also adds the listener for permission
   * checks.
   */
  readonly adjust: (caller: Caller) => Caller;
}): Authenticator {
  const { credentials, state, authorisesAsOf, adjust } = options;

  const verify = (request: SignedRequest, signature: Signature, now: number): Verified => {
    const { accessKeyId } = signature;
    const failed = (failure: AuthenticationFailure): Verified => ({
      authentication: { kind: 'failed', failure },
      signingKey: undefined,
    });
    const credential = credentials.find(accessKeyId);
    if (!credential) return failed({ reason: 'unknownAccessKey', accessKeyId });
    const expectedToken = credential.kind === 'session' ? credential.sessionToken : '';
    if (!sameSignature(expectedToken, signature.sessionToken ?? '')) {
      return failed({ reason: 'invalidSessionToken' });
    }
    const verified = verifySignature(request, signature, credential.secretAccessKey, now);
    if (!verified.ok) return failed(verified.failure);
    if (credential.kind === 'session' && credential.expiresAt <= now) {
      return failed({ reason: 'expiredSessionToken' });
    }
    const caller = adjust(callerOf(credential, state, authorisesAsOf(now)));
    if (credential.kind === 'session' && caller.orphaned !== true)
      state.markUsed(credential.role, signature.region, now);
    return {
      authentication: { kind: 'authenticated', caller, accessKeyId },
      signingKey: verified.signingKey,
    };
  };

  return (request, parsed, now) => {
    const { authentication, signingKey } = identify(parsed, (signature) => verify(request, signature, now));
    const unread = { authentication, body: request.body, trailers: {} };
    // Does not read the body of an unauthenticated request.
    if (authentication.kind === 'failed') return unread;
    const payload: Payload = readPayload(request, signingKey);
    return payload.ok
      ? { authentication, body: payload.body, trailers: payload.trailers }
      : { ...unread, authentication: { kind: 'failed', failure: payload.failure } };
  };
}

type Verified = { readonly authentication: Authentication; readonly signingKey: SigningKey | undefined };

function identify(parsed: ParsedSignature, verify: (signature: Signature) => Verified): Verified {
  switch (parsed.kind) {
    case 'none':
      return { authentication: { kind: 'anonymous' }, signingKey: undefined };
    case 'malformed':
      return {
        authentication: { kind: 'failed', failure: { reason: 'malformed', message: parsed.message } },
        signingKey: undefined,
      };
    case 'signature':
      return verify(parsed.signature);
  }
}
