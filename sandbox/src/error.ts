/**
 * The sandbox, or a part of it, cannot be started, reached or stopped. The first line of the message states the
 * failure, further lines state its cause. Base class of all errors that callers report without a stack trace.
 */
export class SandboxError extends Error {
  override readonly name: string = 'SandboxError';
}
