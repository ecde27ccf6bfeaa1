/** AWS sessions of pods in a sandbox, used as an intruder would use them. */
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import type { Credentials } from '@aws-sdk/client-sts';
import type { TestSandbox } from './sandbox.ts';

/** Reads S3 with the session. Resolves with the error code, or `allowed`. */
export async function readS3(
  { description: { awsEndpoint: endpoint, region } }: Pick<TestSandbox, 'description'>,
  { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' }: Credentials,
): Promise<string> {
  const credentials = {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
  };
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 });
  try {
    await s3.send(new ListBucketsCommand({}));
    return 'allowed';
  } catch (error) {
    return (error as Error).name;
  } finally {
    s3.destroy();
  }
}
