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
    // STS accepts 600 calls a second per account and Region, more than `mostInFlight` concurrent calls can reach. Source:
    // IAM User Guide, "IAM and AWS STS quotas". If STS throttles nonetheless, the scheduler slows down as for the other
    // services.
    sts: createCallScheduler({ ...options, service: 'sts', firstInFlight: mostInFlight }),
    eks: createCallScheduler({ ...options, service: 'eks' }),
    eksAuth: createCallScheduler({ ...options, service: 'eks-auth' }),
  };
}
