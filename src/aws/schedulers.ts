/**
 * Schedulers for the whole process, because AWS limits the rate per account, not per caller. Each service has one
 * scheduler. IAM and EKS have a second scheduler for listings, whose rate AWS limits separately.
 */
import { createCallScheduler, mostInFlight, type CallScheduler, type SchedulerOptions } from './scheduler.ts';

export type AwsSchedulers = {
  readonly iam: CallScheduler;
  /** Listings of all roles. A throttled listing slows down no other call to IAM. */
  readonly iamListing: CallScheduler;
  readonly sts: CallScheduler;
  readonly eks: CallScheduler;
  /** Listings of all associations of a cluster. */
  readonly eksListing: CallScheduler;
  readonly eksAuth: CallScheduler;
};

export function createAwsSchedulers(options: Omit<SchedulerOptions, 'service'>): AwsSchedulers {
  return {
    iam: createCallScheduler({ ...options, service: 'iam' }),
    iamListing: createCallScheduler({ ...options, service: 'iam', queue: 'iam-listing', mostInFlight: 1 }),
    // STS accepts 600 calls a second per account and Region, more than `mostInFlight` concurrent calls can reach. Source:
    // IAM User Guide, "IAM and AWS STS quotas". If STS throttles nonetheless, the scheduler slows down as for the other
    // services.
    sts: createCallScheduler({ ...options, service: 'sts', firstInFlight: mostInFlight }),
    eks: createCallScheduler({ ...options, service: 'eks' }),
    eksListing: createCallScheduler({ ...options, service: 'eks', queue: 'eks-listing', mostInFlight: 1 }),
    eksAuth: createCallScheduler({ ...options, service: 'eks-auth' }),
  };
}
