/**
 * Reads last accessed information of roles from IAM. IAM creates a report as a job, and the caller polls until the
 * report is complete. Only commands use this reader, not the operator.
 */
import {
  GenerateServiceLastAccessedDetailsCommand,
  GetRoleCommand,
  GetServiceLastAccessedDetailsCommand,
  type ServiceLastAccessed as IamService,
} from '@aws-sdk/client-iam';
import type { IAMClient } from '@aws-sdk/client-iam';
import { IdentityError, roleNameOf } from '../identity/index.ts';
import type { RoleLastAccessed, ServiceLastAccessed } from '../policy/last-accessed.ts';
import type { Calls } from './calls.ts';

/** Reader of last accessed information. All methods reject with an IdentityError. */
export type AccessReader = {
  /**
   * Starts a report about a role.
   * @returns the id of the job. Only the caller that started the job can read its report
   */
  startReport(roleArn: string, signal?: AbortSignal): Promise<string>;
  /** Returns the report of a job, or undefined while the job is running. */
  report(jobId: string, signal?: AbortSignal): Promise<RoleLastAccessed | undefined>;
  /** Returns the creation time of a role in RFC 3339 format. */
  createdAt(roleArn: string, signal?: AbortSignal): Promise<string | undefined>;
};

export function createIamAccessReader({
  iam,
  calls,
}: {
  readonly iam: IAMClient;
  readonly calls: Calls;
}): AccessReader {
  return {
    async startReport(roleArn, signal) {
      const { JobId: id } = await calls(
        { action: 'GenerateServiceLastAccessedDetails', on: roleArn, signal },
        (attempt) =>
          iam.send(
            new GenerateServiceLastAccessedDetailsCommand({ Arn: roleArn, Granularity: 'ACTION_LEVEL' }),
            attempt,
          ),
      );
      return id ?? '';
    },

    async report(jobId, signal) {
      const services: ServiceLastAccessed[] = [];
      let marker: string | undefined;
      do {
        const page = await calls(
          { action: 'GetServiceLastAccessedDetails', on: `job ${jobId}`, signal },
          (attempt) =>
            iam.send(
              new GetServiceLastAccessedDetailsCommand({
                JobId: jobId,
                ...(marker === undefined ? {} : { Marker: marker }),
              }),
              attempt,
            ),
        );
        if (page.JobStatus === 'IN_PROGRESS') return undefined;
        if (page.JobStatus === 'FAILED') {
          const { Code: code = 'unknown', Message: text = 'no message' } = page.Error ?? {};
          throw new IdentityError(
            'Unexpected',
            `iam:GetServiceLastAccessedDetails: the report failed: ${text} (${code})`,
          );
        }
        services.push(...(page.ServicesLastAccessed ?? []).map(serviceOf));
        marker = page.IsTruncated === true ? page.Marker : undefined;
      } while (marker !== undefined);
      return services;
    },

    async createdAt(roleArn, signal) {
      const name = roleNameOf(roleArn);
      const { Role: role } = await calls({ action: 'GetRole', on: name, read: true, signal }, (attempt) =>
        iam.send(new GetRoleCommand({ RoleName: name }), attempt),
      );
      return role?.CreateDate?.toISOString();
    },
  };
}

function serviceOf({
  ServiceNamespace: service = '',
  LastAuthenticated: last,
  TrackedActionsLastAccessed: tracked = [],
}: IamService): ServiceLastAccessed {
  return {
    service: service.toLowerCase(),
    ...accessed(last),
    actions: tracked.map(({ ActionName: name = '', LastAccessedTime: time }) => ({
      name,
      ...accessed(time),
    })),
  };
}

const accessed = (time: Date | undefined): { readonly lastAccessed?: string } =>
  time === undefined ? {} : { lastAccessed: time.toISOString() };
