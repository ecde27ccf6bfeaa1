/**
 * Connects one command to AWS with the user's own credentials, from the SDK's default credential chain. Only commands
 * that call AWS load this file.
 */
import { connectAws, createAwsSchedulers, type AwsConnection } from '../../aws/index.ts';
import { systemTimer } from '../../kube/index.ts';
import type { ClusterFacts } from '../../identity/index.ts';
import type { CliContext } from '../framework/context.ts';
import { CliError } from '../framework/errors.ts';
import { version } from '../version.ts';

export type Aws = ReturnType<AwsConnection['as']>;

/** Runs `work` with a connection to AWS in a region, and closes the connection afterwards. */
export async function withAws<T>(
  context: CliContext,
  region: string,
  work: (aws: Aws) => Promise<T>,
): Promise<T> {
  const connection = openAws(context, region);
  try {
    return await work(awsOf(connection));
  } finally {
    connection.close();
  }
}

export function openAws(context: CliContext, region: string): AwsConnection {
  const { env, monotonic: now, random } = context;
  return connectAws({
    region,
    env,
    userAgent: `kon/${version}`,
    now,
    schedulers: createAwsSchedulers({
      now,
      random,
      setTimer: systemTimer,
      onCall: ({ service, action, outcome, durationMs }) =>
        context.debug(`AWS ${service}:${action} ${outcome} in ${Math.round(durationMs)} ms`),
    }),
  });
}

/** Uses interactive priority because a person waits at a terminal. */
export function awsOf(connection: AwsConnection): Aws {
  return connection.as({ owner: 'kon', priority: 'interactive' });
}

/**
 * Refuses credentials of another AWS account, because the resources there do not belong to this cluster.
 * @throws CliError of code AWS_WRONG_ACCOUNT
 */
export async function requireAccount(
  context: CliContext,
  aws: Aws,
  { accountId, name }: Pick<ClusterFacts, 'accountId' | 'name'>,
): Promise<void> {
  const caller = await aws.account.callerIdentity(context.signal);
  if (caller.accountId === accountId) return;
  throw new CliError(
    'AWS_WRONG_ACCOUNT',
    `your AWS credentials belong to AWS account ${caller.accountId}, but the roles of cluster ${name} are in AWS account ${accountId}`,
    {
      details: [`You are ${caller.arn}.`],
      next: [`Choose a profile of AWS account ${accountId}: AWS_PROFILE=NAME`],
    },
  );
}
