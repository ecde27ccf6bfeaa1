/** One scheduler per service for the whole process, as rates are the account's and not the caller's. */
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
    // STS takes 600 calls a second from an account in a Region, and so many at a time come to no more. Source: IAM User Guide,
    // "IAM and AWS STS quotas". Should it refuse one all the same, it slows down as the others do.
    sts: createCallScheduler({ ...options, service: 'sts', firstInFlight: mostInFlight }),
    eks: createCallScheduler({ ...options, service: 'eks' }),
    eksAuth: createCallScheduler({ ...options, service: 'eks-auth' }),
  };
}
