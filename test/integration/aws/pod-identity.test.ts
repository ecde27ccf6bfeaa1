/** The EKS and EKS Auth adapters over HTTP: the requests that they send, and how they interpret each response. */
import { CreateRoleCommand, UpdateAssumeRolePolicyCommand, type IAMClient } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callsOf } from '../../../src/aws/calls.ts';
import { createEksAssociationStore } from '../../../src/aws/eks-association-store.ts';
import { createEksAuthProver } from '../../../src/aws/identity-provers.ts';
import { classifyEksError } from '../../../src/aws/errors.ts';
import { createAwsSchedulers, type PodIdentityAws } from '../../../src/aws/index.ts';
import { IdentityError } from '../../../src/identity/index.ts';
import {
  accountId,
  administrator,
  createTokenIssuer,
  issuer,
  nobody,
  startTestEmulator,
  type Keys,
  type TestEmulator,
  type TokenIssuer,
} from '../../../sandbox/src/aws/testing/emulator.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';

const clusterName = 'demo';
const roleArn = (name: string): string => `arn:aws:iam::${accountId}:role/${name}`;
const trustOf = (namespace: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'pods.eks.amazonaws.com' },
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        Condition: { StringLike: { 'aws:RequestTag/kubernetes-namespace': namespace } },
      },
    ],
  });

let emulator: TestEmulator;
let tokens: TokenIssuer;
let iam: IAMClient;
let aws: PodIdentityAws;
const closing: (() => void)[] = [];

/** Connects to AWS as the operator does, with its scheduler and its classification of errors. */
function connect(keys: Keys, of = clusterName): PodIdentityAws {
  const setTimer = (callback: () => void, delayMs: number): (() => void) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  };
  const schedulers = createAwsSchedulers({
    now: monotonicClock,
    random: () => 0.5,
    setTimer,
  });
  const caller = { owner: 'test', priority: 'interactive' } as const;
  const [eks, auth] = [emulator.eks(keys), emulator.eksAuth(keys)];
  closing.push(
    () => eks.destroy(),
    () => auth.close(),
  );
  const calls = callsOf('eks', schedulers.eks, caller, { classify: classifyEksError });
  return {
    associations: createEksAssociationStore({
      eks,
      calls,
      listingCalls: calls,
      clusterName: of,
      now: monotonicClock,
    }),
    prover: createEksAuthProver({ auth, scheduler: schedulers.eksAuth, caller, clusterName: of }),
  };
}

beforeAll(async () => {
  tokens = await createTokenIssuer(wallClock);
  emulator = await startTestEmulator({
    now: wallClock,
    clusters: [
      {
        name: clusterName,
        endpoint: 'https://127.0.0.1:1',
        certificateAuthorityData: '',
        issuer,
        version: '1.36',
      },
    ],
    issuerKeys: () => Promise.resolve({ keys: [tokens.jwk] }),
  });
  iam = emulator.iam();
  for (const RoleName of ['one', 'two'])
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trustOf('*') }));
  aws = connect(administrator);
});
afterAll(async () => {
  for (const close of closing) close();
  iam?.destroy();
  await emulator?.close();
});

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'done';
  } catch (error) {
    if (error instanceof IdentityError) return error.code;
    throw error;
  }
}

const of = (namespace: string, serviceAccount = 'a') => ({ namespace, serviceAccount });

describe('associations', () => {
  it('are created with their tags, read by name or id, given another role, tagged and deleted', async () => {
    const { associations } = aws;
    const made = await associations.create({ ...of('life'), roleArn: roleArn('one'), tags: { team: 'x' } });
    expect(made).toMatchObject({
      ...of('life'),
      details: { roleArn: roleArn('one'), tags: { team: 'x' }, withoutSessionTags: false },
    });
    expect(await associations.read(of('life'))).toEqual(made);
    expect(await associations.read(of('life'), undefined, made.id)).toEqual(made);
    expect((await associations.update(made, roleArn('two'))).details?.roleArn).toBe(roleArn('two'));
    await associations.tag(made.arn, { team: 'y' });
    expect((await associations.read(of('life')))?.details).toEqual({
      roleArn: roleArn('two'),
      tags: { team: 'y' },
      withoutSessionTags: false,
    });
    await associations.delete(made.id);
    expect(await associations.read(of('life'))).toBeUndefined();
    expect(await associations.read(of('life'), undefined, made.id)).toBeUndefined();
    // A deletion succeeds even if the association no longer exists.
    await associations.delete(made.id);
  });

  it('are listed over several pages, without the details that EKS omits from listings', async () => {
    const { associations } = aws;
    const names = Array.from({ length: 101 }, (_, index) => `many-${String(index).padStart(3, '0')}`);
    for (const name of names)
      await associations.create({ ...of('pages', name), roleArn: roleArn('one'), tags: {} });
    const { associations: listed, startedAt } = await associations.list();
    const found = listed.filter(({ namespace }) => namespace === 'pages');
    expect(found.map(({ serviceAccount }) => serviceAccount).toSorted()).toEqual(names);
    expect(found.every(({ details }) => details === undefined)).toBe(true);
    expect(startedAt).toBeLessThanOrEqual(Date.now());
  });

  it('report the cause of each failed call with an error code', async () => {
    const { associations } = aws;
    const wish = { ...of('wrong'), roleArn: roleArn('one'), tags: {} };
    await associations.create(wish);
    expect(await codeOf(associations.create(wish))).toBe('AssociationExists');
    expect(await codeOf(associations.create({ ...wish, ...of('other'), roleArn: roleArn('none') }))).toBe(
      'RoleNotAccepted',
    );
    await iam.send(
      new CreateRoleCommand({ RoleName: 'elsewhere', AssumeRolePolicyDocument: trustOf('elsewhere') }),
    );
    expect(
      await codeOf(associations.create({ ...wish, ...of('other'), roleArn: roleArn('elsewhere') })),
    ).toBe('RoleNotAccepted');
    expect(await codeOf(associations.create({ ...wish, ...of('Not A Name') }))).toBe('InvalidInput');
    expect(await codeOf(associations.update({ ...of('none'), id: 'a-none', arn: '' }, roleArn('one')))).toBe(
      'AssociationNotFound',
    );
    expect(await codeOf(connect(administrator, 'nowhere').associations.list())).toBe('ClusterUnknown');
    expect(await codeOf(connect(nobody).associations.list())).toBe('AccessDenied');
  });
});

describe('the exchange of a pod’s token', () => {
  const tokenOf = (namespace: string, pod: object | undefined = { name: 'p', uid: 'u' }): Promise<string> =>
    tokens.sign({
      sub: `system:serviceaccount:${namespace}:a`,
      aud: 'pods.eks.amazonaws.com',
      kubernetes: {
        namespace,
        serviceaccount: { name: 'a', uid: 's' },
        ...(pod ? { pod } : {}),
      },
    });

  it('shows whether the pod gets credentials of the role, or why it does not', async () => {
    const { associations, prover } = aws;
    await iam.send(new CreateRoleCommand({ RoleName: 'proven', AssumeRolePolicyDocument: trustOf('proof') }));
    const prove = async (role: string, namespace = 'proof', pod?: object): Promise<string> =>
      codeOf(prover.prove({ token: await tokenOf(namespace, pod), roleArn: roleArn(role) }));
    expect(await prove('proven')).toBe('AssociationNotFound');
    await associations.create({ ...of('proof'), roleArn: roleArn('proven'), tags: {} });
    expect(await prove('proven')).toBe('done');
    expect(await prove('one')).toBe('NotInEffect');
    // The caller expects the role's predecessor, which had the same name and another role ID.
    const another = { token: await tokenOf('proof'), roleArn: roleArn('proven'), roleId: 'AROAANOTHER' };
    expect(await codeOf(prover.prove(another))).toBe('NotInEffect');
    await iam.send(
      new UpdateAssumeRolePolicyCommand({ RoleName: 'proven', PolicyDocument: trustOf('elsewhere') }),
    );
    expect(await prove('proven')).toBe('AssumeRoleDenied');
    expect(await codeOf(prover.prove({ token: await tokens.sign(), roleArn: roleArn('proven') }))).toBe(
      'TokenRejected',
    );
    expect(
      await codeOf(
        connect(nobody).prover.prove({ token: await tokenOf('proof'), roleArn: roleArn('proven') }),
      ),
    ).toBe('AccessDenied');
    expect(
      await codeOf(
        connect(administrator, 'nowhere').prover.prove({
          token: await tokenOf('proof'),
          roleArn: roleArn('proven'),
        }),
      ),
    ).toBe('ClusterUnknown');
  });
});
