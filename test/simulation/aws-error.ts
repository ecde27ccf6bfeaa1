/** An error as the AWS SDK throws it, recognised by its name. Without a stack trace, which takes time and shows nothing. */
export function awsError(name: string, message: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new Error(message);
  Error.stackTraceLimit = stackTraceLimit;
  return Object.assign(error, { name });
}
