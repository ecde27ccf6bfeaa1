/** One scheduler per service for the whole process, as AWS limits the rate of the account, not of the caller. */
import { createCallScheduler, mostInFlight, type CallScheduler, type SchedulerOptions } from './scheduler.ts';

export type AwsSchedulers = {
  readonly iam: CallScheduler;
  readonly sts: CallScheduler;
  readonly eks: CallScheduler;
  readonly eksAuth: CallScheduler;
};

export function createAwsSchedulers(options: Omit<SchedulerOptions, 'service'>): AwsSchedulers {
  return {
    iam: createCallScheduler({ ...options, service: 'iam' }),
    // STS accepts 600 calls a second from an account in a Region, more than this many in flight can reach. Source: IAM
    // User Guide, "IAM and AWS STS quotas". If it throttles nonetheless, the scheduler slows down as for the other
    // services.
    sts: createCallScheduler({ ...options, service: 'sts', firstInFlight: mostInFlight }),
    eks: createCallScheduler({ ...options, service: 'eks' }),
    eksAuth: createCallScheduler({ ...options, service: 'eks-auth' }),
  };
}
