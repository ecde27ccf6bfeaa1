/**
 * Reports of last accessed information for roles. A report is a job: `GenerateServiceLastAccessedDetails` starts the
 * job. `GetServiceLastAccessedDetails` returns the report page by page once the job is complete.
 */
import { iamActions, iamServices } from '../../../../src/aws/catalogue/iam-actions.ts';
import type { PolicyStatement } from '../../../../src/policy/model.ts';
import { matchesGlyphs, plainGlyphs } from '../../../../src/policy/pattern.ts';
import { oneOf, optional, shape, text } from '../wire/shape.ts';
import type { XmlValue } from '../wire/xml.ts';
import type { AccessReport, ServiceAccess } from './access-log.ts';
import type { IamAction } from './env.ts';
import { iamAction } from './env.ts';
import { invalidInput, noSuchEntity, noSuchRole } from './errors.ts';
import * as fields from './fields.ts';
import type { Role } from './model.ts';
import { pageOfList } from './paging.ts';
import { timestamp } from './render.ts';
import type { IamState } from './state.ts';

const granularities = [
  'SERVICE_LEVEL',
  'ACTION_LEVEL',
] as const satisfies readonly AccessReport['granularity'][];

/** Duration of a job, in milliseconds. On AWS a job takes some seconds. */
const jobDurationMs = 300;

const generate = iamAction({
  name: 'GenerateServiceLastAccessedDetails',
  access: 'read',
  input: shape({ Arn: fields.arn, Granularity: optional(oneOf(granularities)) }),
  subject: (input) => ({ arn: input.Arn }),
  run: ({ Arn, Granularity: granularity = 'SERVICE_LEVEL' }, { state, identifiers, caller, now }) => {
    const [, name] = /:role\/(?:.*\/)?([^/]+)$/.exec(Arn) ?? [];
    if (name === undefined)
      throw invalidInput(`The emulator reports last accessed information only for roles, not for ${Arn}`);
    const role = state.role(name);
    if (!role || role.arn !== Arn) throw noSuchRole(name);
    const id = identifiers.requestId();
    state.putAccessReport({
      id,
      owner: caller.userId,
      createdAt: now,
      completedAt: now + jobDurationMs,
      granularity,
      role,
    });
    return { JobId: id };
  },
});

const get = iamAction({
  name: 'GetServiceLastAccessedDetails',
  access: 'read',
  input: shape({ JobId: text({ min: 36, max: 36 }), ...fields.paging }),
  subject: () => ({ arn: '*' }),
  run: (input, { state, caller, now }) => {
    const report = state.accessReport(input.JobId);
    if (!report || report.owner !== caller.userId)
      throw noSuchEntity(`The report with job id ${input.JobId} cannot be found.`);
    const common = { JobType: report.granularity, JobCreationDate: timestamp(report.createdAt) };
    if (now < report.completedAt)
      return { ...common, JobStatus: 'IN_PROGRESS', ServicesLastAccessed: [], IsTruncated: false };
    const completed = { ...common, JobCompletionDate: timestamp(report.completedAt) };
    const role = state.role(report.role.name);
    if (!role || role.id !== report.role.id)
      return {
        ...completed,
        JobStatus: 'FAILED',
        ServicesLastAccessed: [],
        IsTruncated: false,
        Error: { Code: 'NoSuchEntity', Message: `The role with name ${report.role.name} cannot be found.` },
      };
    const { items, end } = pageOfList(input, allowedServices(role, state), (service) => service);
    return {
      ...completed,
      JobStatus: 'COMPLETED',
      ServicesLastAccessed: items.map((service) => renderService(service, role, state, report.granularity)),
      ...end,
    };
  },
});

const allowsOf = (role: Role, state: IamState): readonly PolicyStatement[] =>
  state
    .permissionPolicies(role)
    .flatMap(({ document }) => document.statements)
    .filter(({ effect }) => effect === 'Allow');

/**
 * Returns the services with an action that a permission policy of the role allows. Boundaries and Deny statements do
 * not count, as on AWS.
 */
function allowedServices(role: Role, state: IamState): readonly string[] {
  const allows = allowsOf(role, state);
  return iamServices().filter((service) =>
    [...(iamActions(service)?.values() ?? [])].some(({ name }) => isAllowed(`${service}:${name}`, allows)),
  );
}

function isAllowed(action: string, allows: readonly PolicyStatement[]): boolean {
  const given = action.toLowerCase();
  return allows.some(
    ({ action: { negated, patterns } }) =>
      patterns.some((pattern) => matchesGlyphs(plainGlyphs(pattern.toLowerCase()), given)) !== negated,
  );
}

function renderService(
  service: string,
  role: Role,
  state: IamState,
  granularity: AccessReport['granularity'],
): XmlValue {
  const access = state.accesses.of(role.id).get(service);
  return {
    ServiceName: serviceNames[service] ?? service,
    ServiceNamespace: service,
    ...(access
      ? {
          LastAuthenticated: timestamp(access.last.time),
          LastAuthenticatedEntity: role.arn,
          LastAuthenticatedRegion: access.last.region,
        }
      : {}),
    TotalAuthenticatedEntities: access ? 1 : 0,
    TrackedActionsLastAccessed:
      granularity === 'ACTION_LEVEL' ? trackedActions(service, role, state, access) : undefined,
  };
}

/**
 * Returns the tracked actions of the service; undefined if the role attempted none of them. Source: IAM API,
 * ServiceLastAccessed.
 */
function trackedActions(
  service: string,
  role: Role,
  state: IamState,
  access: ServiceAccess | undefined,
): XmlValue {
  const isTracked = trackedByService[service];
  if (!isTracked || !access) return undefined;
  const allows = allowsOf(role, state);
  const names = [...(iamActions(service)?.values() ?? [])]
    .map(({ name }) => name)
    .filter((name) => isTracked(name) && isAllowed(`${service}:${name}`, allows));
  if (!names.some((name) => access.actions.has(name))) return undefined;
  return names.map((name) => {
    const last = access.actions.get(name);
    return {
      ActionName: name,
      ...(last
        ? {
            LastAccessedEntity: role.arn,
            LastAccessedTime: timestamp(last.time),
            LastAccessedRegion: last.region,
          }
        : {}),
    };
  });
}

/** S3 actions that CloudTrail records as data events. Last accessed information does not contain them. */
const s3DataEvent = /Object|^ListBucket|^ListMultipart|^AbortMultipart/;

/** Tracked actions of the emulator's services. IAM does not track `iam:PassRole`, because it is not an API call. */
const trackedByService: Readonly<Record<string, (action: string) => boolean>> = {
  eks: () => true,
  iam: (action) => action !== 'PassRole',
  s3: (action) => !s3DataEvent.test(action),
};

const serviceNames: Readonly<Record<string, string>> = {
  eks: 'Amazon Elastic Kubernetes Service',
  iam: 'AWS Identity and Access Management',
  s3: 'Amazon S3',
  sqs: 'Amazon SQS',
  sts: 'AWS Security Token Service',
};

export const lastAccessedActions: readonly IamAction[] = [generate, get];
