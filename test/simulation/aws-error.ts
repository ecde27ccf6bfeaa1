/** An error as the AWS SDK throws it: told apart by its name. Where it comes from is no secret, and would take long to note. */
export function awsError(name: string, message: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new Error(message);
  Error.stackTraceLimit = stackTraceLimit;
  return Object.assign(error, { name });
}
