/**
 * Streaming reduction of GetAccountAuthorizationDetails to the parts that the operator uses. A page contains up to 1,000 roles of the
 * AWS account with all their inline policies, 30 MB of XML at most. The SDK would hold the whole page in memory several times, and
 * parse it in one turn of the event loop, which would delay every other request.
 */
import { pipeline, Transform, type Readable } from 'node:stream';
import type {
  GetAccountAuthorizationDetailsCommand,
  GetAccountAuthorizationDetailsCommandInput,
  GetAccountAuthorizationDetailsCommandOutput,
} from '@aws-sdk/client-iam';
import type { DeserializeMiddleware } from '@smithy/types';

/** Prefix of our tag keys, which IAM compares without regard to case, or an escaped character that may hide it. */
const maybeOurs = /k11n\.dev\/|&#/i;

const documents = /<PolicyDocument>[^<]*<\/PolicyDocument>/g;
const instanceProfiles = /<InstanceProfileList>[\s\S]*?<\/InstanceProfileList>/g;
const details =
  /<(AssumeRolePolicyDocument|RolePolicyList|AttachedManagedPolicies|Tags|RoleLastUsed)>[\s\S]*?<\/\1>/g;

/** Longest text of a tag of interest that a chunk may cut off. */
const longestTag = '</member>'.length;

/**
 * Number of bytes that are searched at a time. With whole chunks of 64 KiB, the garbage of a page takes almost twice the memory
 * until it is collected.
 */
const portion = 16 * 1024;

/**
 * Reduces the XML of a page. Roles with our tags stay whole. Others lose the documents of their inline policies, and, unless
 * `isNamed`, everything but their names and permissions boundary.
 * @param isNamed whether the details of a role without our tags are needed (default: of every role)
 */
export function reduceRoleListing(isNamed: (name: string) => boolean = () => true): Transform {
  // Bytes as characters: the tags of interest are ASCII, and a chunk may end within another character.
  let pending = '';
  let scanned = 0;
  let depth = 0;

  const reduce = (role: string): string => {
    const brief = role.replace(instanceProfiles, '').replace(documents, '');
    if (maybeOurs.test(brief)) return role;
    const [, name = ''] = /<RoleName>([^<]*)</.exec(brief) ?? [];
    // Copied, because a substring in V8 keeps the role's whole text in memory.
    return isNamed(Buffer.from(name).toString()) ? brief : brief.replace(details, '');
  };
  /** Returns the reduced text of the roles that are complete. */
  const next = (chunk: string): string => {
    pending += chunk;
    const member = /<(\/?)member>/g;
    member.lastIndex = scanned;
    let done = '';
    let from = 0;
    for (let found = member.exec(pending); found; found = member.exec(pending)) {
      const isEnd = found[1] === '/';
      if (!isEnd && depth === 0) {
        done += pending.slice(from, found.index);
        from = found.index;
      }
      depth += isEnd ? -1 : 1;
      scanned = member.lastIndex;
      if (depth > 0) continue;
      done += reduce(pending.slice(from, scanned));
      from = scanned;
    }
    const safe = Math.max(scanned, pending.length - longestTag);
    if (depth === 0) {
      done += pending.slice(from, safe);
      from = safe;
    }
    pending = pending.slice(from);
    scanned = safe - from;
    return done;
  };

  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      let done = '';
      for (let at = 0; at < chunk.length; at += portion)
        done += next(chunk.toString('latin1', at, at + portion));
      callback(null, Buffer.from(done, 'latin1'));
    },
    flush(callback) {
      callback(null, Buffer.from(pending, 'latin1'));
    },
  });
}

/** Adds the reduction to a command. The response of another status stays as it is. */
export function withReducedListing(
  command: GetAccountAuthorizationDetailsCommand,
  isNamed?: (name: string) => boolean,
): GetAccountAuthorizationDetailsCommand {
  const reduceResponse: DeserializeMiddleware<
    GetAccountAuthorizationDetailsCommandInput,
    GetAccountAuthorizationDetailsCommandOutput
  > = (call) => async (request) => {
    const result = await call(request);
    const response = result.response as { readonly statusCode: number; body: Readable };
    if (response.statusCode === 200)
      response.body = pipeline(response.body, reduceRoleListing(isNamed), () => undefined);
    return result;
  };
  command.middlewareStack.addRelativeTo(reduceResponse, {
    name: 'reduceRoleListing',
    relation: 'after',
    toMiddleware: 'deserializerMiddleware',
  });
  return command;
}
