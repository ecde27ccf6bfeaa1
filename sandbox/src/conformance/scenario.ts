/**
 * A scenario is a sequence of calls of a stock SDK, each with the answer of AWS and, where moto differs, that of moto. A
 * difference is asserted like everything else, so that the list of differences stays true.
 */
import type { EKSClient } from '@aws-sdk/client-eks';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { S3Client } from '@aws-sdk/client-s3';
import type { STSClient } from '@aws-sdk/client-sts';
import { expect } from 'vitest';

/** The account ID of moto, which cannot be changed; the emulator gets the same. */
export const accountId = '123456789012';
export const region = 'us-east-1';
/** The cluster name that the emulator gets. */
export const clusterName = 'scenarios';

export type Scenario = { readonly name: string; readonly steps: readonly Step[] };

export type Step = StepCall & {
  readonly gives: Outcome;
  /** Name of credentials that an earlier step kept. Default: the administrator. */
  readonly as?: string;
  /** Values of the answer that later steps use: names mapped to paths in the answer (`Role.Arn`). */
  readonly keep?: Readonly<Record<string, string>>;
  /** Keeps the answer's `Credentials` under this name, for `as`. */
  readonly keepCredentials?: string;
  readonly moto?: { readonly gives: Outcome; readonly why: string };
};

type StepCall =
  | { readonly iam: Dynamic<object> }
  | { readonly sts: Dynamic<object> }
  | { readonly eks: Dynamic<object> }
  | { readonly s3: Dynamic<object> };

/** A command of the SDK, or a function that builds one from values that earlier steps kept. */
type Dynamic<T> = T | ((kept: Kept) => T);
export type Kept = Readonly<Record<string, string>>;

export type Outcome =
  /** Every member of the shape is in the answer, which may contain further ones. */
  | { readonly kind: 'answer'; readonly shape: object }
  | {
      readonly kind: 'error';
      readonly code: string;
      readonly status: number;
      readonly message?: string | RegExp;
    };

export const answer = (shape: object = {}): Outcome => ({ kind: 'answer', shape });
export const failure = (code: string, status: number, message?: string | RegExp): Outcome => ({
  kind: 'error',
  code,
  status,
  ...(message === undefined ? {} : { message }),
});

type Clients = {
  readonly iam: IAMClient;
  readonly sts: STSClient;
  readonly eks: EKSClient;
  readonly s3: S3Client;
};

export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

export type Backend = {
  readonly name: 'emulator' | 'moto';
  readonly clients: (credentials?: Credentials) => Clients;
  /** Values that every scenario may use, for example tokens of the test's issuer. */
  readonly given: Kept;
};

/** Runs the steps in order, and throws vitest's assertion error at the first unexpected outcome. */
export async function runScenario(scenario: Scenario, backend: Backend): Promise<void> {
  const kept: Record<string, string> = { ...backend.given };
  const credentials = new Map<string, Credentials>();
  for (const [index, step] of scenario.steps.entries()) {
    const clients = backend.clients(step.as === undefined ? undefined : credentials.get(step.as));
    const outcome = await performStep(step, clients, kept);
    const label = `${scenario.name}, step ${index + 1}: ${operationOf(step)}`;
    const difference = backend.name === 'moto' ? step.moto : undefined;
    if (difference) {
      expect(differs(outcome, step.gives), `${label}: moto no longer differs; remove the difference`).toBe(
        true,
      );
      expectOutcome(outcome, difference.gives, label);
    } else {
      expectOutcome(outcome, step.gives, label);
    }
    if (outcome.kind !== 'answer') continue;
    for (const [name, path] of Object.entries(step.keep ?? {}))
      kept[name] = String(valueAt(outcome.shape, path));
    if (step.keepCredentials === undefined) continue;
    credentials.set(step.keepCredentials, {
      accessKeyId: String(valueAt(outcome.shape, 'Credentials.AccessKeyId')),
      secretAccessKey: String(valueAt(outcome.shape, 'Credentials.SecretAccessKey')),
      sessionToken: String(valueAt(outcome.shape, 'Credentials.SessionToken')),
    });
  }
}

type Observed =
  | { readonly kind: 'answer'; readonly shape: object }
  | {
      readonly kind: 'error';
      readonly code: string;
      readonly status: number | undefined;
      readonly message: string;
    };

async function performStep(step: StepCall, clients: Clients, kept: Kept): Promise<Observed> {
  try {
    // Each command goes to the client of its own service, and TypeScript cannot derive that from the union of their types.
    if ('iam' in step) return await read(clients.iam.send(resolveCommand(step.iam, kept) as never));
    if ('sts' in step) return await read(clients.sts.send(resolveCommand(step.sts, kept) as never));
    if ('eks' in step) return await read(clients.eks.send(resolveCommand(step.eks, kept) as never));
    return await read(clients.s3.send(resolveCommand(step.s3, kept) as never));
  } catch (error) {
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    return {
      kind: 'error',
      // The SDK adds a suffix to the names of modelled errors that is not on the wire.
      code: name.replace(/Exception$/, ''),
      status: $metadata?.httpStatusCode,
      message,
    };
  }
}

async function read(sent: Promise<unknown>): Promise<Observed> {
  const { $metadata: _, Body: body, ...shape } = (await sent) as Record<string, unknown>;
  // The body is a stream, and the expectation applies to its text.
  const text = isBody(body) ? { Body: await body.transformToString() } : {};
  return { kind: 'answer', shape: { ...shape, ...text } };
}

function isBody(value: unknown): value is { transformToString: () => Promise<string> } {
  return typeof value === 'object' && value !== null && 'transformToString' in value;
}

function resolveCommand(command: Dynamic<object>, kept: Kept): object {
  return typeof command === 'function' ? (command as (values: Kept) => object)(kept) : command;
}

/**
 * Returns the name of the AWS operation, for example `CreateRole`. A command that is built from earlier values gets
 * placeholders here.
 */
export function operationOf(step: StepCall): string {
  const anything: Kept = new Proxy({}, { get: () => 'x' });
  const command = 'iam' in step ? step.iam : 'sts' in step ? step.sts : 'eks' in step ? step.eks : step.s3;
  return resolveCommand(command, anything).constructor.name.replace(/Command$/, '');
}

function expectOutcome(observed: Observed, wanted: Outcome, label: string): void {
  if (wanted.kind === 'answer') {
    expect(observed, label).toMatchObject(wanted);
    return;
  }
  const { code, status, message } = wanted;
  expect(observed, label).toMatchObject({
    kind: 'error',
    code,
    status,
    ...(message === undefined
      ? {}
      : { message: typeof message === 'string' ? message : expect.stringMatching(message) }),
  });
}

function differs(observed: Observed, wanted: Outcome): boolean {
  try {
    expectOutcome(observed, wanted, '');
    return false;
  } catch {
    return true;
  }
}

function valueAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], value);
}
