/** Recognizes requests that the user is not permitted to send. */
import { IdentityError } from '../../identity/state/errors.ts';
import { isForbidden } from '../../kube/errors.ts';

/** Whether the API server or AWS denied the request. */
export const isDenied = (error: unknown): boolean =>
  isForbidden(error) || (error instanceof IdentityError && error.code === 'AccessDenied');

/** Resolves to undefined if the read is denied. */
export async function unlessDenied<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isDenied(error)) return undefined;
    throw error;
  }
}
