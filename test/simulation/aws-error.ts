/** Creates an error as the AWS SDK throws it, identified by its name. It has no stack trace, to save time. */
export function awsError(name: string, message: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new Error(message);
  Error.stackTraceLimit = stackTraceLimit;
  return Object.assign(error, { name });
}
