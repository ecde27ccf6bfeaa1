/**
 * Reduces the response of GetAccountAuthorizationDetails, while it arrives, to the parts that the operator uses. A page
 * contains up to 1,000 roles of the AWS account with all their inline policies, which is at most 30 MB of XML. The SDK
 * would hold the whole page in memory several times. It would also parse the page in one turn of the event loop, which
 * would delay every other request.
 *
 * The bytes of a role are searched in one buffer that is reused for all roles. Only the parts that may be kept become
 * strings.
 */
import { pipeline, Transform, type Readable } from 'node:stream';
import type {
  GetAccountAuthorizationDetailsCommand,
  GetAccountAuthorizationDetailsCommandInput,
  GetAccountAuthorizationDetailsCommandOutput,
} from '@aws-sdk/client-iam';
import type { DeserializeMiddleware } from '@smithy/types';

/**
 * Matches the prefix of Konstellation's tag keys, or an escaped character, which may hide the prefix. The case of
 * letters does not matter, because IAM compares tag keys regardless of case.
 */
const mayHaveOurTags = /k11n\.dev\/|&#/i;

const details =
  /<(AssumeRolePolicyDocument|RolePolicyList|AttachedManagedPolicies|Tags|RoleLastUsed)>[\s\S]*?<\/\1>/g;

const tag = {
  member: Buffer.from('<member>'),
  memberEnd: Buffer.from('</member>'),
  document: Buffer.from('<PolicyDocument>'),
  documentEnd: Buffer.from('</PolicyDocument>'),
  profiles: Buffer.from('<InstanceProfileList>'),
  profilesEnd: Buffer.from('</InstanceProfileList>'),
} as const;
const longestTag = tag.profilesEnd.length;
const lessThan = '<'.charCodeAt(0);

/**
 * Initial size of the buffer in bytes. The buffer can hold one network chunk and one role with the longest documents
 * that IAM accepts.
 */
const initialSize = 128 * 1024;

/**
 * Number of bytes between two calls of `releaseBuffers`. For each chunk of a response, Node.js allocates a buffer of 64
 * KiB outside of V8's heap. V8 frees these buffers only when its own heap needs space. `reduceRoleListing` allocates
 * little in that heap, so V8 would free the buffers only after 30 MB or more of responses.
 */
const releaseEvery = 2 * 1024 * 1024;

export type ReductionOptions = {
  /**
   * Whether the details of the role with this name are needed, even if the role does not have Konstellation's tags.
   * Default: the details of every role are needed.
   */
  readonly isNamed?: ((name: string) => boolean) | undefined;
  /** Frees the chunks of the response that are no longer in use. */
  readonly releaseBuffers?: (() => void) | undefined;
};

/**
 * Reduces the XML of a page. Roles with Konstellation's tags stay complete. Roles that `isNamed` selects lose their
 * instance profiles and the documents of their inline policies. All other roles are dropped, except the first one with
 * a permissions boundary. That role is reduced to its name and boundary, and shows that the listing includes
 * boundaries.
 */
export function reduceRoleListing({
  isNamed = () => true,
  releaseBuffers,
}: ReductionOptions = {}): Transform {
  let buffer = Buffer.allocUnsafeSlow(initialSize);
  let length = 0;
  let scanned = 0;
  let depth = 0;
  /**
   * Parts of the current role that are dropped, as byte positions in the role. The end of the last part may not have
   * arrived yet.
   */
  let drops: { readonly from: number; to?: number; readonly end: Buffer }[] = [];
  let showsBoundary = false;
  let unreleased = 0;

  const append = (chunk: Buffer): void => {
    if (length + chunk.length > buffer.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (length + chunk.length));
      buffer.copy(larger, 0, 0, length);
      buffer = larger;
    }
    length += chunk.copy(buffer, length);
  };
  const isAt = (position: number, text: Buffer): boolean =>
    buffer.compare(text, 0, text.length, position, position + text.length) === 0;
  // Decodes each byte as one character. The relevant tags are ASCII, and a chunk may end in the middle of a longer
  // character.
  const textOf = (from: number, to: number): string => buffer.toString('latin1', from, to);

  const reduce = (from: number, to: number): string => {
    let reduced = '';
    let kept = from;
    for (const drop of drops) {
      reduced += textOf(kept, from + drop.from);
      kept = from + (drop.to ?? 0);
    }
    reduced += textOf(kept, to);
    if (mayHaveOurTags.test(reduced)) return textOf(from, to);
    const [, name = ''] = /<RoleName>([^<]*)</.exec(reduced) ?? [];
    // The name is copied, because a substring in V8 keeps the whole text in memory.
    if (isNamed(Buffer.from(name).toString())) return reduced;
    if (showsBoundary || !reduced.includes('<PermissionsBoundary>')) return '';
    showsBoundary = true;
    return reduced.replace(details, '');
  };

  /** Returns the reduced text of all roles that have become complete since the last call. */
  const next = (): string => {
    const received = buffer.subarray(0, length);
    let done = '';
    let from = 0;
    for (;;) {
      const found = received.indexOf(lessThan, scanned);
      const at = found === -1 ? length : found;
      scanned = at;
      if (length - at < longestTag) break;
      scanned += 1;
      const drop = drops.at(-1);
      if (drop && drop.to === undefined) {
        if (isAt(at, drop.end)) drop.to = at + drop.end.length - from;
      } else if (isAt(at, tag.member)) {
        if (depth === 0) {
          done += textOf(from, at);
          from = at;
        }
        depth += 1;
      } else if (depth === 0) {
        continue;
      } else if (isAt(at, tag.memberEnd)) {
        depth -= 1;
        if (depth > 0) continue;
        scanned = at + tag.memberEnd.length;
        done += reduce(from, scanned);
        from = scanned;
        drops = [];
      } else if (isAt(at, tag.document)) {
        drops.push({ from: at - from, end: tag.documentEnd });
      } else if (isAt(at, tag.profiles)) {
        drops.push({ from: at - from, end: tag.profilesEnd });
      }
    }
    if (depth === 0) {
      done += textOf(from, scanned);
      from = scanned;
    }
    buffer.copyWithin(0, from, length);
    length -= from;
    scanned -= from;
    return done;
  };

  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      append(chunk);
      const done = next();
      unreleased += chunk.length;
      if (unreleased >= releaseEvery) {
        unreleased = 0;
        releaseBuffers?.();
      }
      callback(null, done === '' ? undefined : Buffer.from(done, 'latin1'));
    },
    flush(callback) {
      callback(null, buffer.subarray(0, length));
    },
  });
}

/**
 * Makes the command reduce its response with `reduceRoleListing`. Responses with a status other than 200 stay
 * unchanged.
 */
export function withReducedListing(
  command: GetAccountAuthorizationDetailsCommand,
  options?: ReductionOptions,
): GetAccountAuthorizationDetailsCommand {
  const reduceResponse: DeserializeMiddleware<
    GetAccountAuthorizationDetailsCommandInput,
    GetAccountAuthorizationDetailsCommandOutput
  > = (call) => async (request) => {
    const result = await call(request);
    const response = result.response as { readonly statusCode: number; body: Readable };
    if (response.statusCode === 200)
      response.body = pipeline(response.body, reduceRoleListing(options), () => undefined);
    return result;
  };
  command.middlewareStack.addRelativeTo(reduceResponse, {
    name: 'reduceRoleListing',
    relation: 'after',
    toMiddleware: 'deserializerMiddleware',
  });
  return command;
}
