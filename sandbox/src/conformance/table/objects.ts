/** S3: buckets, objects, listings, and the access that a role's policies grant to its sessions. */
import { AttachRolePolicyCommand, DetachRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  type BucketLocationConstraint,
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand, type AssumeRoleCommandInput } from '@aws-sdk/client-sts';
import { answer, failure } from '../scenario.ts';
import type { Scenarios, Step } from '../scenario.ts';
import { anyDate, anyText, including, shape } from '../matchers.ts';
import { policyText } from '../place.ts';
import { newRoleIn } from './commands.ts';
import { enforcesNothing, unchecked } from './differences.ts';

export const objectScenarios: Scenarios = (place) => {
  const { managed, name, partition, region, roleArn, sessionArn, trustThisRun, externalId } = place;
  const newRole = newRoleIn(place);
  const createBucket = (short: string): Step => ({
    s3: new CreateBucketCommand({
      Bucket: name(short),
      // A bucket in us-east-1 has no location constraint.
      ...(region === 'us-east-1'
        ? {}
        : { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } }),
    }),
    gives: answer(),
  });
  const put = (short: string, Key: string, Body = 'x'): Step => ({
    s3: new PutObjectCommand({ Bucket: name(short), Key, Body }),
    gives: answer(),
  });
  /**
   * Assumes a role. The external id prevents other users of the AWS account from assuming roles that have permissions.
   */
  const assume = (role: string, rest: Partial<AssumeRoleCommandInput> = {}): AssumeRoleCommand =>
    new AssumeRoleCommand({
      RoleArn: roleArn(role),
      RoleSessionName: 'pod',
      ExternalId: externalId,
      ...rest,
    });
  return [
    {
      name: 'an object is uploaded, read and deleted',
      steps: [
        createBucket('life'),
        {
          s3: new PutObjectCommand({
            Bucket: name('life'),
            Key: 'a b/ü+&.txt',
            Body: 'hello',
            ContentType: 'text/plain',
            Metadata: { colour: 'red' },
          }),
          gives: answer({ ETag: '"5d41402abc4b2a76b9719d911017c592"', ChecksumCRC32: 'NhCmhg==' }),
        },
        {
          s3: new GetObjectCommand({ Bucket: name('life'), Key: 'a b/ü+&.txt' }),
          gives: answer({
            Body: 'hello',
            ContentType: 'text/plain',
            ContentLength: 5,
            ETag: '"5d41402abc4b2a76b9719d911017c592"',
            Metadata: { colour: 'red' },
            LastModified: anyDate,
            AcceptRanges: 'bytes',
          }),
        },
        {
          s3: new HeadObjectCommand({ Bucket: name('life'), Key: 'a b/ü+&.txt' }),
          gives: answer({ ContentLength: 5, ContentType: 'text/plain', Metadata: { colour: 'red' } }),
        },
        { s3: new DeleteObjectCommand({ Bucket: name('life'), Key: 'a b/ü+&.txt' }), gives: answer() },
        { s3: new DeleteObjectCommand({ Bucket: name('life'), Key: 'a b/ü+&.txt' }), gives: answer() },
        {
          s3: new GetObjectCommand({ Bucket: name('life'), Key: 'a b/ü+&.txt' }),
          gives: failure('NoSuchKey', 404, 'The specified key does not exist.'),
        },
        {
          s3: new HeadObjectCommand({ Bucket: name('life'), Key: 'a b/ü+&.txt' }),
          gives: failure('NotFound', 404),
        },
      ],
    },
    {
      name: 'a bucket that does not exist is reported as missing',
      steps: [
        {
          s3: new ListObjectsV2Command({ Bucket: name('nowhere') }),
          gives: failure('NoSuchBucket', 404, 'The specified bucket does not exist'),
        },
        {
          s3: new PutObjectCommand({ Bucket: name('nowhere'), Key: 'a', Body: 'x' }),
          gives: failure('NoSuchBucket', 404),
        },
        { s3: new HeadBucketCommand({ Bucket: name('nowhere') }), gives: failure('NotFound', 404) },
        { s3: new DeleteBucketCommand({ Bucket: name('nowhere') }), gives: failure('NoSuchBucket', 404) },
      ],
    },
    {
      name: 'a bucket is created, found, listed and deleted',
      steps: [
        createBucket('bucket-life'),
        {
          s3: new HeadBucketCommand({ Bucket: name('bucket-life') }),
          gives: answer({ BucketRegion: region }),
        },
        {
          s3: new GetBucketLocationCommand({ Bucket: name('bucket-life') }),
          gives: answer(region === 'us-east-1' ? {} : { LocationConstraint: region }),
        },
        {
          s3: new ListBucketsCommand({}),
          gives: answer({
            Buckets: including([shape({ Name: name('bucket-life'), CreationDate: anyDate })]),
          }),
        },
        put('bucket-life', 'a'),
        {
          s3: new DeleteBucketCommand({ Bucket: name('bucket-life') }),
          gives: failure('BucketNotEmpty', 409, 'The bucket you tried to delete is not empty'),
        },
        { s3: new DeleteObjectCommand({ Bucket: name('bucket-life'), Key: 'a' }), gives: answer() },
        { s3: new DeleteBucketCommand({ Bucket: name('bucket-life') }), gives: answer() },
      ],
    },
    {
      name: 'the owner of a bucket can create the bucket again in us-east-1',
      skip: region === 'us-east-1' ? undefined : 'the region is not us-east-1',
      steps: [createBucket('again'), createBucket('again')],
    },
    {
      name: 'a bucket name must be a valid host name',
      steps: [
        {
          s3: new CreateBucketCommand({ Bucket: name('Upper') }),
          gives: failure('InvalidBucketName', 400),
          moto: unchecked,
        },
        {
          s3: new CreateBucketCommand({ Bucket: '192.168.5.4' }),
          gives: failure('InvalidBucketName', 400),
          moto: unchecked,
        },
        { s3: new CreateBucketCommand({ Bucket: 'ab' }), gives: failure('InvalidBucketName', 400) },
      ],
    },
    {
      name: 'keys in a listing are grouped at the delimiter, and the next page continues the listing',
      steps: [
        createBucket('listing'),
        ...['a/1', 'a/2', 'b', 'c/1', 'd'].map((key) => put('listing', key)),
        {
          s3: new ListObjectsV2Command({ Bucket: name('listing'), Delimiter: '/', MaxKeys: 2 }),
          gives: answer({
            CommonPrefixes: [{ Prefix: 'a/' }],
            Contents: [{ Key: 'b', Size: 1, ETag: '"9dd4e461268c8034f5c8564e155c67a6"' }],
            IsTruncated: true,
            KeyCount: 2,
            NextContinuationToken: anyText,
          }),
          keep: { token: 'NextContinuationToken' },
        },
        {
          s3: ({ token }) =>
            new ListObjectsV2Command({ Bucket: name('listing'), Delimiter: '/', ContinuationToken: token }),
          gives: answer({
            CommonPrefixes: [{ Prefix: 'c/' }],
            Contents: [{ Key: 'd' }],
            IsTruncated: false,
            KeyCount: 2,
          }),
        },
        {
          s3: new ListObjectsV2Command({ Bucket: name('listing'), Prefix: 'a/', StartAfter: 'a/1' }),
          gives: answer({ Contents: [{ Key: 'a/2' }], KeyCount: 1, Prefix: 'a/' }),
        },
        {
          s3: new ListObjectsCommand({ Bucket: name('listing'), Delimiter: '/', MaxKeys: 1 }),
          gives: answer({ CommonPrefixes: [{ Prefix: 'a/' }], IsTruncated: true, NextMarker: 'a/' }),
          moto: {
            gives: answer({ CommonPrefixes: [{ Prefix: 'a/' }, { Prefix: 'c/' }] }),
            why: 'moto counts keys and common prefixes separately, and its marker is not a key.',
          },
        },
      ],
    },
    {
      name: 'a byte range of an object is read',
      steps: [
        createBucket('ranges'),
        put('ranges', 'k', '0123456789'),
        {
          s3: new GetObjectCommand({ Bucket: name('ranges'), Key: 'k', Range: 'bytes=2-4' }),
          gives: answer({ Body: '234', ContentRange: 'bytes 2-4/10', ContentLength: 3 }),
        },
        {
          s3: new GetObjectCommand({ Bucket: name('ranges'), Key: 'k', Range: 'bytes=-3' }),
          gives: answer({ Body: '789', ContentRange: 'bytes 7-9/10' }),
        },
        {
          s3: new GetObjectCommand({ Bucket: name('ranges'), Key: 'k', Range: 'bytes=10-' }),
          gives: failure('InvalidRange', 416, 'The requested range is not satisfiable'),
        },
      ],
    },
    {
      name: 'a conditional upload does not replace an existing object',
      steps: [
        createBucket('conditions'),
        {
          s3: new PutObjectCommand({ Bucket: name('conditions'), Key: 'k', Body: 'x', IfNoneMatch: '*' }),
          gives: answer(),
        },
        {
          s3: new PutObjectCommand({ Bucket: name('conditions'), Key: 'k', Body: 'y', IfNoneMatch: '*' }),
          gives: failure('PreconditionFailed', 412),
        },
        {
          s3: new GetObjectCommand({ Bucket: name('conditions'), Key: 'k', IfMatch: '"other"' }),
          gives: failure('PreconditionFailed', 412),
        },
      ],
    },
    {
      name: 'an upload that does not match its checksum is refused',
      steps: [
        createBucket('damaged'),
        {
          s3: new PutObjectCommand({
            Bucket: name('damaged'),
            Key: 'k',
            Body: 'hello',
            ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==',
          }),
          gives: failure('BadDigest', 400),
          moto: { gives: answer(), why: 'moto does not check uploads against their checksums.' },
        },
        {
          s3: new PutObjectCommand({
            Bucket: name('damaged'),
            Key: 'k',
            Body: 'hello',
            ChecksumCRC32: 'AAAAAA==',
          }),
          gives: failure('BadDigest', 400),
          moto: { gives: answer(), why: 'moto does not check uploads against their checksums.' },
        },
      ],
    },
    {
      name: 'objects are copied, and several objects are deleted in one call',
      steps: [
        createBucket('copies'),
        put('copies', 'a b'),
        {
          s3: new CopyObjectCommand({
            Bucket: name('copies'),
            Key: 'copy',
            CopySource: `${name('copies')}/a%20b`,
          }),
          gives: answer({ CopyObjectResult: { ETag: '"9dd4e461268c8034f5c8564e155c67a6"' } }),
        },
        {
          s3: new DeleteObjectsCommand({
            Bucket: name('copies'),
            Delete: { Objects: [{ Key: 'a b' }, { Key: 'copy' }, { Key: 'never-there' }] },
          }),
          gives: answer({
            Deleted: including([{ Key: 'a b' }, { Key: 'copy' }, { Key: 'never-there' }]),
          }),
        },
        {
          s3: new ListObjectsV2Command({ Bucket: name('copies') }),
          gives: answer({ KeyCount: 0, IsTruncated: false }),
        },
        {
          s3: new CopyObjectCommand({
            Bucket: name('copies'),
            Key: 'copy',
            CopySource: `${name('copies')}/never-there`,
          }),
          gives: failure('NoSuchKey', 404),
        },
      ],
    },
    {
      name: 'a role with AmazonS3ReadOnlyAccess can read, and can write only after it gets more permissions',
      steps: [
        createBucket('permissions'),
        put('permissions', 'a'),
        {
          iam: newRole('s3-reader', { AssumeRolePolicyDocument: trustThisRun }),
          gives: answer(),
        },
        {
          iam: new AttachRolePolicyCommand({
            RoleName: name('s3-reader'),
            PolicyArn: managed('AmazonS3ReadOnlyAccess'),
          }),
          gives: answer(),
        },
        {
          sts: assume('s3-reader'),
          gives: answer(),
          keepCredentials: 'pod',
        },
        {
          s3: new GetObjectCommand({ Bucket: name('permissions'), Key: 'a' }),
          as: 'pod',
          gives: answer({ Body: 'x' }),
        },
        {
          s3: new PutObjectCommand({ Bucket: name('permissions'), Key: 'b', Body: 'x' }),
          as: 'pod',
          gives: failure(
            'AccessDenied',
            403,
            `User: ${sessionArn('s3-reader', 'pod')} is not authorized to perform: s3:PutObject on resource: "arn:${partition}:s3:::${name('permissions')}/b" because no identity-based policy allows the s3:PutObject action`,
          ),
          moto: enforcesNothing,
        },
        {
          iam: new AttachRolePolicyCommand({
            RoleName: name('s3-reader'),
            PolicyArn: managed('AmazonS3FullAccess'),
          }),
          gives: answer(),
        },
        {
          s3: new PutObjectCommand({ Bucket: name('permissions'), Key: 'b', Body: 'x' }),
          as: 'pod',
          gives: answer(),
        },
        ...['AmazonS3ReadOnlyAccess', 'AmazonS3FullAccess'].map((policy): Step => ({
          iam: new DetachRolePolicyCommand({ RoleName: name('s3-reader'), PolicyArn: managed(policy) }),
          gives: answer(),
        })),
        {
          s3: new GetObjectCommand({ Bucket: name('permissions'), Key: 'a' }),
          as: 'pod',
          gives: failure('AccessDenied', 403),
          moto: enforcesNothing,
        },
      ],
    },
    {
      name: 'a session policy restricts the permissions of the role',
      steps: [
        createBucket('narrow'),
        put('narrow', 'a'),
        {
          iam: newRole('s3-admin', { AssumeRolePolicyDocument: trustThisRun }),
          gives: answer(),
        },
        {
          iam: new AttachRolePolicyCommand({
            RoleName: name('s3-admin'),
            PolicyArn: managed('AmazonS3FullAccess'),
          }),
          gives: answer(),
        },
        {
          sts: assume('s3-admin', {
            Policy: policyText({
              Effect: 'Allow',
              Action: 's3:GetObject',
              Resource: `arn:${partition}:s3:::${name('narrow')}/*`,
            }),
          }),
          gives: answer(),
          keepCredentials: 'narrow',
        },
        { s3: new GetObjectCommand({ Bucket: name('narrow'), Key: 'a' }), as: 'narrow', gives: answer() },
        {
          s3: new ListObjectsV2Command({ Bucket: name('narrow') }),
          as: 'narrow',
          gives: failure('AccessDenied', 403, /because no session policy allows the s3:ListBucket action/),
          moto: enforcesNothing,
        },
      ],
    },
  ];
};
