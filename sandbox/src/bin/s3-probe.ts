/**
 * An example app, as it would run in a pod: it uses S3 through the stock AWS SDK and its default credential chain.
 * Commands: `list [BUCKET]`, `read BUCKET KEY`, `write BUCKET KEY TEXT`, `create BUCKET`, `whoami`. Prints the result
 * and exits with 0, or prints the SDK's error and exits with 1.
 */
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

/** The webhook injects a region only together with a role, so an app without a role needs a default. */
const region = process.env['AWS_REGION'] ?? 'us-west-2';
const [verb, Bucket, Key, text] = process.argv.slice(2);

answer().then(
  (said) => void process.stdout.write(`${said}\n`),
  (error: unknown) => {
    const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
    process.stdout.write(`${name}: ${message}\n`);
    process.exitCode = 1;
  },
);

async function answer(): Promise<string> {
  const s3 = new S3Client({ region });
  switch (verb) {
    case 'whoami':
      return (await new STSClient({ region }).send(new GetCallerIdentityCommand({}))).Arn ?? '';
    case 'create':
      await s3.send(new CreateBucketCommand({ Bucket }));
      return `created ${Bucket}`;
    case 'write':
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: text ?? '' }));
      return `wrote ${Bucket}/${Key}`;
    case 'read':
      return (await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString()) ?? '';
    case 'list': {
      if (Bucket === undefined) {
        const { Buckets: buckets = [] } = await s3.send(new ListBucketsCommand({}));
        return buckets.map((bucket) => bucket.Name).join('\n');
      }
      const { Contents: contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
      return contents.map((object) => object.Key).join('\n');
    }
    default:
      throw new Error(
        'usage: s3-probe list [BUCKET] | read BUCKET KEY | write BUCKET KEY TEXT | create BUCKET | whoami',
      );
  }
}
