/**
 * Schedulers of the whole process. AWS limits the rate per AWS account, not per caller, so each service has one
 * scheduler. IAM and EKS have a second scheduler for listings, whose rate AWS limits separately.
 */
import { createCallScheduler, mostInFlight, type CallScheduler, type SchedulerOptions } from './scheduler.ts';

export type AwsSchedulers = {
  readonly iam: CallScheduler;
  /** Scheduler for listings of all roles. A throttled listing delays no other call to IAM. */
  readonly iamListing: CallScheduler;
  readonly sts: CallScheduler;
  readonly eks: CallScheduler;
  /** Scheduler for listings of all associations of a cluster. */
  readonly eksListing: CallScheduler;
  readonly eksAuth: CallScheduler;
};

export function createAwsSchedulers(options: Omit<SchedulerOptions, 'service'>): AwsSchedulers {
  return {
    iam: createCallScheduler({ ...options, service: 'iam' }),
    iamListing: createCallScheduler({ ...options, service: 'iam', queue: 'iam-listing', mostInFlight: 1 }),
    // STS accepts 600 calls per second per AWS account and Region. `mostInFlight` concurrent calls cannot reach that
    // rate. Source: IAM User Guide, "IAM and AWS STS quotas". If STS throttles nevertheless, the scheduler slows down
    // as it does for the other services.
    sts: createCallScheduler({ ...options, service: 'sts', firstInFlight: mostInFlight }),
    eks: createCallScheduler({ ...options, service: 'eks' }),
    eksListing: createCallScheduler({ ...options, service: 'eks', queue: 'eks-listing', mostInFlight: 1 }),
    eksAuth: createCallScheduler({ ...options, service: 'eks-auth' }),
  };
}
