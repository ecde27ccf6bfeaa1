/**
 * The AWS clients: one per service for the whole process, because the SDK's adaptive limiter, which slows down when AWS
 * throttles, lives in the client. Credentials and endpoints come from the SDK's ordinary chain.
 */
import { IAMClient } from '@aws-sdk/client-iam';
import { STSClient } from '@aws-sdk/client-sts';

/** One attempt of a call, for counting. `outcome` is `Success` or the error's name. */
export type AwsCall = {
  readonly service: 'iam' | 'sts';
  readonly action: string;
  readonly outcome: string;
  readonly durationMs: number;
};

export type AwsClients = { readonly iam: IAMClient; readonly sts: STSClient; close(): void };

export function createAwsClients(options: {
  readonly region: string;
  readonly userAgent: string;
  readonly now: () => number;
  readonly onCall?: (call: AwsCall) => void;
}): AwsClients {
  const common = {
    region: options.region,
    retryMode: 'adaptive',
    maxAttempts: 3,
    customUserAgent: options.userAgent,
    // IAM answers within a second or two; a connection that hangs must not hold a reconcile for minutes.
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 15_000, throwOnRequestTimeout: true },
  };
  const iam = new IAMClient(common);
  const sts = new STSClient(common);
  iam.middlewareStack.add(
    (next, context) => async (args) => {
      const record = recorder('iam', context.commandName, options);
      return record(next(args));
    },
    { step: 'deserialize', priority: 'high', name: 'countCalls' },
  );
  sts.middlewareStack.add(
    (next, context) => async (args) => {
      const record = recorder('sts', context.commandName, options);
      return record(next(args));
    },
    { step: 'deserialize', priority: 'high', name: 'countCalls' },
  );
  return {
    iam,
    sts,
    close() {
      iam.destroy();
      sts.destroy();
    },
  };
}

function recorder(
  service: AwsCall['service'],
  command: string | undefined,
  options: { readonly now: () => number; readonly onCall?: (call: AwsCall) => void },
): <T>(attempt: Promise<T>) => Promise<T> {
  const startedAt = options.now();
  const tell = (outcome: string): void => {
    const action = (command ?? '').replace(/Command$/, '');
    options.onCall?.({ service, action, outcome, durationMs: options.now() - startedAt });
  };
  return async (attempt) => {
    try {
      const result = await attempt;
      tell('Success');
      return result;
    } catch (error) {
      tell(error instanceof Error ? error.name : 'Unknown');
      throw error;
    }
  };
}
