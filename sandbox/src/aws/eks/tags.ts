/**
 * Tags of EKS resources; the emulator supports them for associations only.
 * https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html
 */
import type { RequestContext } from '../../../../src/policy/model.ts';
import { answer, changed, type RestCall } from '../wire/rest-json-service.ts';
import { AwsError } from '../wire/service.ts';
import type { EksAction, EksEnv } from './env.ts';
import type { Association } from './state.ts';

const mostTags = 50;

type Tags = Readonly<Record<string, string>>;

/** EKS's tagging actions use their own error names. */
const badRequest = (message: string): AwsError => new AwsError('BadRequestException', message);

/** @throws AwsError InvalidParameterException */
export function readTags(value: unknown): Tags {
  try {
    return checkedTags(value);
  } catch (error) {
    if (error instanceof AwsError) throw new AwsError('InvalidParameterException', error.message);
    throw error;
  }
}

function checkedTags(value: unknown): Tags {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('tags must be a map');
  const entries = Object.entries(value as Record<string, unknown>);
  for (const [key, content] of entries) {
    if (key.length < 1 || key.length > 128) throw badRequest(`A tag key has 1 to 128 characters: ${key}`);
    if (key.toLowerCase().startsWith('aws:')) throw badRequest(`Tag keys must not begin with aws: ${key}`);
    if (typeof content !== 'string' || content.length > 256)
      throw badRequest(`A tag value is a string of at most 256 characters: ${key}`);
  }
  if (entries.length > mostTags) throw badRequest(`At most ${mostTags} tags are allowed.`);
  return Object.fromEntries(entries) as Tags;
}

export function requestTagKeys(value: unknown): RequestContext {
  if (typeof value !== 'object' || value === null) return {};
  const entries = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  if (entries.length === 0) return {};
  return {
    ...Object.fromEntries(entries.map(([key, content]) => [`aws:RequestTag/${key}`, content])),
    'aws:TagKeys': entries.map(([key]) => key),
  };
}

export const resourceTagKeys = (tags: Tags): RequestContext =>
  Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));

type Call = RestCall<EksEnv>;
const path = /^\/tags\/(?<arn>.+)$/;
const subject = ({ path: { arn = '' } }: Call): string => arn;

const tagResource: EksAction = {
  name: 'TagResource',
  access: 'write',
  method: 'POST',
  path,
  subject,
  context: (call) => ({ ...resourceTagKeys(lookUp(call)?.tags ?? {}), ...requestTagKeys(call.body['tags']) }),
  run: (call) => {
    const association = find(call);
    write(call, {
      ...association,
      tags: checkedTags({ ...association.tags, ...checkedTags(call.body['tags']) }),
    });
    return changed({});
  },
};

const untagResource: EksAction = {
  name: 'UntagResource',
  access: 'write',
  method: 'DELETE',
  path,
  subject,
  context: (call) => resourceTagKeys(lookUp(call)?.tags ?? {}),
  run: (call) => {
    const association = find(call);
    const keys = call.request.query.getAll('tagKeys');
    if (keys.length === 0) throw badRequest('tagKeys must not be empty');
    const kept = Object.entries(association.tags).filter(([key]) => !keys.includes(key));
    write(call, { ...association, tags: Object.fromEntries(kept) });
    return changed({});
  },
};

const listTagsForResource: EksAction = {
  name: 'ListTagsForResource',
  access: 'read',
  method: 'GET',
  path,
  subject,
  context: (call) => resourceTagKeys(lookUp(call)?.tags ?? {}),
  run: (call) => answer({ tags: isCluster(call) ? {} : find(call).tags }),
};

export const tagActions: readonly EksAction[] = [tagResource, untagResource, listTagsForResource];

/** Whether the ARN names a cluster. Clusters exist from the start and have no tags. */
function isCluster({ path: { arn = '' }, env: { eks } }: Call): boolean {
  return eks.clusters.some(({ name }) => eks.clusterArn(name) === arn);
}

function lookUp({ path: { arn = '' }, env: { eks } }: Call): Association | undefined {
  return eks.clusters
    .flatMap(({ name }) => eks.associations(name))
    .find((association) => association.arn === arn);
}

function find(call: Call): Association {
  const found = lookUp(call);
  if (!found) throw new AwsError('NotFoundException', `No resource found for ARN: ${call.path['arn']}`, 404);
  return found;
}

function write({ env, request }: Call, association: Association): void {
  env.eks.put({ ...association, modifiedAt: request.now }, request.now);
}
