/**
 * AWS managed policies with their documents, so that a policy such as `AmazonS3ReadOnlyAccess` grants the same in the
 * sandbox as on AWS. The policies are loaded on demand from a compressed asset. The asset is next to this file, or next
 * to the bundle.
 *
 * The asset describes the partition `aws`. For another partition, that partition's name replaces `aws` in the policy's
 * ARN and in the ARNs within the policy's document. This is an approximation: AWS has fewer policies in other
 * partitions, and some of them differ. The asset has no descriptions and no unique ids. Ids are derived from the ARN,
 * and differ from those of AWS.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

type ManagedPolicyVersion = {
  /** Version such as `v1` or `v2`. Versions that AWS has withdrawn are missing. */
  readonly versionId: string;
  /** ISO 8601. */
  readonly createDate: string;
};

export type ManagedPolicy = {
  readonly arn: string;
  /** Id of the policy: `ANPA` and 17 characters. It differs from the id that AWS assigned. */
  readonly policyId: string;
  readonly name: string;
  /** Path of the policy: `/`, `/service-role/`, `/job-function/` or `/aws-service-role/`. */
  readonly path: string;
  readonly defaultVersionId: string;
  readonly createDate: string;
  readonly updateDate: string;
  /** Oldest first. */
  readonly versions: readonly ManagedPolicyVersion[];
  /** Returns the document of a version as JSON text, or undefined if the version does not exist. */
  readonly document: (versionId: string) => string | undefined;
};

const assetName = 'managed-policies.generated.txt.br';
const prefix = 'arn:aws:iam::aws:policy/';
const managedArn = /^arn:(aws(?:-[a-z-]+)?):iam::aws:policy\/([\w+=,.@/-]+)$/;
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * Returns the policy with the ARN `arn:PARTITION:iam::aws:policy/…`, or undefined if AWS has no policy with this path
 * and name.
 */
export function managedPolicy(arn: string): ManagedPolicy | undefined {
  const match = managedArn.exec(arn);
  if (!match) return undefined;
  const [, partition = 'aws', pathAndName = ''] = match;
  const line = loadLines().get(prefix + pathAndName);
  return line && readLine(prefix + pathAndName, line, partition);
}

/** Returns all AWS managed policies, sorted by ARN. */
export function managedPolicies(partition = 'aws'): readonly ManagedPolicy[] {
  return Array.from(loadLines(), ([arn, line]) => readLine(arn, line, partition));
}

type Line = { readonly facts: string; readonly statements: Buffer };
/**
 * Facts about one policy: the default version, the creation and update times, and a list of versions. Each version has
 * its id, date and statements.
 */
type Facts = readonly [
  string,
  string,
  string,
  readonly (readonly [string, string, number | readonly number[]])[],
];

let lines: ReadonlyMap<string, Line> | undefined;

/** Loads the lines of the asset. Statements stay unparsed, because most documents are never requested. */
function loadLines(): ReadonlyMap<string, Line> {
  if (lines) return lines;
  const asset = brotliDecompressSync(readFileSync(join(import.meta.dirname, assetName)));
  const found = new Map<string, Line>();
  for (let start = 0; start < asset.length;) {
    const afterArn = asset.indexOf('\t', start);
    const afterFacts = asset.indexOf('\t', afterArn + 1);
    const end = asset.indexOf('\n', afterFacts + 1);
    found.set(asset.toString('utf8', start, afterArn), {
      facts: asset.toString('utf8', afterArn + 1, afterFacts),
      statements: asset.subarray(afterFacts + 1, end),
    });
    start = end + 1;
  }
  lines = found;
  return found;
}

function readLine(arn: string, line: Line, partition: string): ManagedPolicy {
  const facts: Facts = JSON.parse(line.facts);
  const [defaultVersionId, createDate, updateDate, versions] = facts;
  const pathAndName = arn.slice(prefix.length);
  const slash = pathAndName.lastIndexOf('/');
  const localArn = inPartition(arn, partition);
  return {
    arn: localArn,
    policyId: derivedId(localArn),
    name: pathAndName.slice(slash + 1),
    path: `/${pathAndName.slice(0, slash + 1)}`,
    defaultVersionId,
    createDate,
    updateDate,
    versions: versions.map(([versionId, date]) => ({ versionId, createDate: date })),
    document: (versionId) => {
      const version = versions.find(([id]) => id === versionId);
      if (!version) return undefined;
      const statements: readonly unknown[] = JSON.parse(
        inPartition(line.statements.toString('utf8'), partition),
      );
      const [, , chosen] = version;
      const statement =
        typeof chosen === 'number' ? statements[chosen] : chosen.map((index) => statements[index]);
      return JSON.stringify({ Version: '2012-10-17', Statement: statement }, undefined, 4);
    },
  };
}

function inPartition(text: string, partition: string): string {
  return partition === 'aws' ? text : text.replaceAll('arn:aws:', `arn:${partition}:`);
}

function derivedId(arn: string): string {
  const digest = createHash('sha256').update(arn).digest();
  return `ANPA${Array.from(digest.subarray(0, 17), (byte) => base32[byte % base32.length]).join('')}`;
}
