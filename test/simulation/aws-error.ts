/** An error as the AWS SDK throws it: told apart by its name. */
export function awsError(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
