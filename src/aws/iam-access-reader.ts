/**
 * Reads last accessed information of roles from IAM. IAM creates a report as a job, and the caller polls until the
 * report is complete. Only commands use this reader, not the operator.
 */
import {
  GenerateServiceLastAccessedDetailsCommand,
  GetRoleCommand,
  GetServiceLastAccessedDetailsCommand,
  type IAMClient,
  type ServiceLastAccessed as IamService,
} from '@aws-sdk/client-iam';
import { IdentityError, roleNameOf } from '../identity/index.ts';
import type { RoleLastAccessed, ServiceLastAccessed } from '../policy/last-accessed.ts';
import { defined } from '../k8s/defined.ts';
import { senderOf, type Calls } from './calls.ts';
import { allPages } from './iam-paging.ts';

/** Reader of last accessed information. A failed method rejects with an IdentityError. */
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
  const send = senderOf(iam, calls);
  return {
    async startReport(roleArn, signal) {
      const { JobId: id } = await send(
        { action: 'GenerateServiceLastAccessedDetails', on: roleArn, signal },
        new GenerateServiceLastAccessedDetailsCommand({ Arn: roleArn, Granularity: 'ACTION_LEVEL' }),
      );
      return id ?? '';
    },

    async report(jobId, signal) {
      const pages = await allPages(async (paging) => {
        const page = await send(
          { action: 'GetServiceLastAccessedDetails', on: `job ${jobId}`, signal },
          new GetServiceLastAccessedDetailsCommand({ JobId: jobId, ...paging }),
        );
        if (page.JobStatus !== 'FAILED') return page;
        const { Code: code = 'unknown', Message: text = 'no message' } = page.Error ?? {};
        throw new IdentityError(
          'Unexpected',
          `iam:GetServiceLastAccessedDetails: the report failed: ${text} (${code})`,
        );
      });
      if (pages.some(({ JobStatus }) => JobStatus === 'IN_PROGRESS')) return undefined;
      return pages.flatMap(({ ServicesLastAccessed = [] }) => ServicesLastAccessed.map(serviceOf));
    },

    async createdAt(roleArn, signal) {
      const name = roleNameOf(roleArn);
      const { Role: role } = await send(
        { action: 'GetRole', on: name, read: true, signal },
        new GetRoleCommand({ RoleName: name }),
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
    ...defined({ lastAccessed: last?.toISOString() }),
    actions: tracked.map(({ ActionName: name = '', LastAccessedTime: time }) => ({
      name,
      ...defined({ lastAccessed: time?.toISOString() }),
    })),
  };
}
