/** The steps of the tour, in the order of the request that Konstellation answers. */
import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  ListAttachedRolePoliciesCommand,
  ListRolesCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts';
import {
  conditionOf,
  linkedServiceAccounts,
  roleArnAnnotation,
  stsAudience,
  type LinkedServiceAccount,
} from '../../api/index.ts';
import { isNotFound, resources, type KubeObject } from '../../kube/index.ts';
import { awaitObjects } from './await-object.ts';
import { patienceMs, TourFailure, type Tour, type TourStep } from './tour.ts';

const account = 'myaccount';
const app = 'myapp';
const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const fullAccess = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';
const bucket = 'tour';
const somebodyElses = 'somebody-elses';
const namespaces = ['production', 'staging'] as const;

type Pod = KubeObject & {
  readonly spec: {
    readonly containers: readonly {
      readonly env?: readonly { readonly name: string; readonly value?: string }[];
    }[];
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
};

export const tourSteps: readonly TourStep[] = [
  {
    title: 'An app runs without an account: its pods have no AWS permissions',
    async run(tour) {
      await tour.commands.asAdministrator(['create', bucket]);
      await tour.commands.asAdministrator(['write', bucket, 'greeting', 'hello from S3']);
      await tour.iam.send(
        new CreateRoleCommand({ RoleName: somebodyElses, AssumeRolePolicyDocument: noTrust }),
      );
      await tour.iam.send(new AttachRolePolicyCommand({ RoleName: somebodyElses, PolicyArn: readOnly }));
      const targets = namespaces.flatMap((name) => ['--target', name]);
      await tour.commands.kon(['app', 'create', app, '--image', 'registry.k8s.io/pause:3.10', ...targets]);
      const [pod] = await readyPods(tour, 'production');
      const listing = await tour.commands.inPod('production', nameOf(pod), ['list']);
      tour.expect(
        'the SDK in its pod finds no credentials',
        listing.code !== 0 && listing.output.includes('Could not load credentials'),
        listing.output,
      );
    },
  },
  {
    title: 'kon account create: a role, links, a proof',
    async run(tour) {
      await tour.operatorCalls();
      await tour.commands.kon(['account', 'create', '--account', account], {
        typed: [
          { find: '^ *policyArns:.*(\\n *#.*)*(\\n *-.*)*', replace: `    policyArns:\n      - ${readOnly}` },
        ],
      });
      const calls = await tour.operatorCalls();
      const created = await getAccount(tour);
      const arn = created.status?.roleArn ?? '';
      tour.expect(
        'the account is Ready, which means that its identity was proven in each target',
        conditionOf(created.status?.conditions, 'Ready')?.status === 'True' &&
          created.status?.targets?.every((row) => row.linked && row.proven) === true &&
          created.status.targets.length === namespaces.length,
      );
      const { Role: role } = await tour.iam.send(new GetRoleCommand({ RoleName: roleNameOf(arn) }));
      const trust = decodeURIComponent(role?.AssumeRolePolicyDocument ?? '');
      tour.expect(
        'its role trusts exactly the ServiceAccounts of the targets',
        JSON.stringify(subjectsOf(trust)) ===
          JSON.stringify(namespaces.map((name) => `system:serviceaccount:${name}:${account}`)),
        trust,
      );
      tour.expect(
        'its role holds exactly the listed policy',
        (await attachedTo(tour, arn)).join() === readOnly,
      );
      for (const namespace of namespaces) {
        const link = await tour.client.get<KubeObject>(resources.serviceAccounts, {
          namespace,
          name: account,
        });
        tour.expect(
          `ServiceAccount ${namespace}/${account} carries the role`,
          link.metadata.annotations?.[roleArnAnnotation] === arn,
        );
      }
      tour.say(`the operator's calls to AWS: ${listing(calls)}`);
      tour.expect(
        'it took one call for the role and one for the policy, beside the proofs',
        calls['iam:CreateRole'] === 1 && calls['iam:AttachRolePolicy'] === 1 && writesOf(calls) === 2,
        listing(calls),
      );
    },
  },
  {
    title: 'kon app edit: the app is re-deployed with its new identity',
    async run(tour) {
      const before = await readyPods(tour, 'production');
      const arn = await roleArnOf(tour);
      await tour.operatorCalls();
      await tour.commands.kon(['app', 'edit', app], {
        typed: [
          {
            find: '^spec:$',
            replace: `spec:\n  serviceAccount: ${account}`,
            shown: `  spec:\n+   serviceAccount: ${account}`,
          },
        ],
      });
      tour.say(`the operator's calls to AWS: ${listing(await tour.operatorCalls())}`);
      for (const namespace of namespaces) {
        const [pod, ...others] = await readyPods(
          tour,
          namespace,
          (candidate) => envOf(candidate, 'AWS_ROLE_ARN') === arn,
        );
        tour.expect(
          `the pod in ${namespace} carries the role and a token for it`,
          pod !== undefined && others.length === 0 && envOf(pod, 'AWS_WEB_IDENTITY_TOKEN_FILE') !== undefined,
        );
        const sets = await replicaSets(tour, namespace);
        tour.expect(`${namespace} was rolled once`, sets.length === 2, `${sets.length} ReplicaSets`);
      }
      const after = await readyPods(tour, 'production');
      tour.expect(
        'no pod of before is left',
        !after.some((pod) => before.some((old) => old.metadata.uid === pod.metadata.uid)),
      );
    },
  },
  {
    title: 'A stock AWS SDK in the pod may read, and may not write',
    async run(tour) {
      const [pod] = await readyPods(tour, 'production');
      const run = (args: readonly string[]) => tour.commands.inPod('production', nameOf(pod), args);
      const who = await run(['whoami']);
      tour.expect(
        'it is the role',
        who.code === 0 && who.output.includes(`:assumed-role/${roleNameOf(await roleArnOf(tour))}/`),
        who.output,
      );
      const buckets = await run(['list']);
      tour.expect(
        'it lists buckets',
        buckets.code === 0 && buckets.output.split('\n').includes(bucket),
        buckets.output,
      );
      const greeting = await run(['read', bucket, 'greeting']);
      tour.expect(
        'it reads',
        greeting.code === 0 && greeting.output.trim() === 'hello from S3',
        greeting.output,
      );
      const writing = await run(['write', bucket, 'from-the-pod', 'x']);
      tour.expect(
        'it may not write',
        writing.code !== 0 && writing.output.startsWith('AccessDenied'),
        writing.output,
      );
    },
  },
  {
    title: 'kon account edit: more permissions within seconds, and no pod restarts',
    async run(tour) {
      const before = await Promise.all(namespaces.map((namespace) => readyPods(tour, namespace)));
      await tour.operatorCalls();
      await tour.commands.kon(['account', 'edit', account], {
        typed: [{ find: readOnly, replace: fullAccess, shown: `-     - ${readOnly}\n+     - ${fullAccess}` }],
      });
      const calls = await tour.operatorCalls();
      tour.say(`the operator's calls to AWS: ${listing(calls)}`);
      tour.expect(
        'it took one call to attach and one to detach, and no other write',
        calls['iam:AttachRolePolicy'] === 1 && calls['iam:DetachRolePolicy'] === 1 && writesOf(calls) === 2,
        listing(calls),
      );
      const [pod] = await readyPods(tour, 'production');
      const writing = await tour.commands.inPod('production', nameOf(pod), [
        'write',
        bucket,
        'from-the-pod',
        'written by the app',
      ]);
      tour.expect('the same pod may write now', writing.code === 0, writing.output);
      const after = await Promise.all(namespaces.map((namespace) => readyPods(tour, namespace)));
      const uids = (lists: readonly (readonly Pod[])[]): string =>
        JSON.stringify(lists.map((list) => list.map((each) => each.metadata.uid ?? '').sort()));
      tour.expect('every pod is the one it was', uids(before) === uids(after));
      for (const namespace of namespaces)
        tour.expect(`${namespace} was not rolled`, (await replicaSets(tour, namespace)).length === 2);
    },
  },
  {
    title: 'Somebody changes the role behind our back: it is seen, told and put back',
    async run(tour) {
      const arn = await roleArnOf(tour);
      const RoleName = roleNameOf(arn);
      tour.say(`$ aws iam detach-role-policy --role-name ${RoleName} --policy-arn ${fullAccess}`);
      const detachmentTold = toldAsDrift(tour, 'the detached policy');
      await tour.iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn: fullAccess }));
      tour.say(`status: ${await detachmentTold}`);
      await readyAccount(tour, 'the policy to be attached again');
      tour.expect('the policy is attached again', (await attachedTo(tour, arn)).join() === fullAccess);

      tour.say(
        `$ aws iam update-assume-role-policy --role-name ${RoleName} --policy-document …somebody else…`,
      );
      const { Role: role } = await tour.iam.send(new GetRoleCommand({ RoleName }));
      const trust = decodeURIComponent(role?.AssumeRolePolicyDocument ?? '');
      const refusalTold = awaitAccount(tour, 'the refusal of STS in the status', (seen) => {
        const row = seen.status?.targets?.find((target) => target.reason === 'AssumeRoleDenied');
        return conditionOf(seen.status?.conditions, 'Ready')?.status === 'False' ? row?.message : undefined;
      });
      await tour.iam.send(
        new UpdateAssumeRolePolicyCommand({
          RoleName,
          PolicyDocument: trust.replaceAll(`:${account}"`, ':somebody-else"'),
        }),
      );
      tour.say(`status: ${await refusalTold}`);
      await readyAccount(tour, 'the trust policy to be put back and proven');
      const { Role: mended } = await tour.iam.send(new GetRoleCommand({ RoleName }));
      tour.expect(
        'the trust policy is what it was',
        decodeURIComponent(mended?.AssumeRolePolicyDocument ?? '') === trust,
      );
      const [pod] = await readyPods(tour, 'production');
      const reading = await tour.commands.inPod('production', nameOf(pod), ['read', bucket, 'from-the-pod']);
      tour.expect(
        'pods can use it',
        reading.code === 0 && reading.output.trim() === 'written by the app',
        reading.output,
      );
    },
  },
  {
    title: 'Another ServiceAccount of the namespace tries the role with a valid token of its own',
    async run(tour) {
      const intruder: KubeObject = {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { namespace: 'production', name: 'intruder' },
      };
      await tour.client.create(resources.serviceAccounts, intruder);
      const { token } = await tour.client.createToken(
        { namespace: 'production', name: 'intruder' },
        { audiences: [stsAudience], expirationSeconds: 600 },
      );
      const refusal = await tour.sts
        .send(
          new AssumeRoleWithWebIdentityCommand({
            RoleArn: await roleArnOf(tour),
            RoleSessionName: 'intruder',
            WebIdentityToken: token,
          }),
        )
        .then(
          () => 'it got credentials',
          (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
        );
      tour.say(refusal);
      tour.expect('STS refuses', refusal.startsWith('AccessDenied'), refusal);
      await tour.client.delete(resources.serviceAccounts, { namespace: 'production', name: 'intruder' });
    },
  },
  {
    title: 'kon account delete: waits for the pods that use it, then leaves nothing behind',
    async run(tour) {
      const arn = await roleArnOf(tour);
      const deletion = tour.commands.start(['account', 'delete', account, '--yes']);
      await awaitAccount(tour, 'the deletion to wait for the pods', (seen) =>
        conditionOf(seen.status?.conditions, 'Ready')?.reason === 'InUse' ? true : undefined,
      );
      await awaitText(tour, deletion, app);
      tour.expect('it says which pods use it', deletion.output().includes(`production/${app}`));
      tour.expect('meanwhile the role is there', (await attachedTo(tour, arn)).join() === fullAccess);
      await tour.commands.kon(['app', 'edit', app], {
        typed: [
          { find: `^ *serviceAccount: ${account}\\n`, replace: '', shown: `-   serviceAccount: ${account}` },
        ],
      });
      const finished = await deletion.finished;
      tour.expect('the deletion ends by itself', finished.code === 0, finished.output);
      const { Roles: roles = [] } = await tour.iam.send(new ListRolesCommand({}));
      tour.expect('the role is gone', !roles.some((role) => role.Arn === arn));
      for (const namespace of namespaces) {
        tour.expect(`ServiceAccount ${namespace}/${account} is gone`, await isGone(tour, namespace));
        const [pod] = await readyPods(tour, namespace);
        tour.expect(
          `the app runs on in ${namespace}, without an identity`,
          pod !== undefined && envOf(pod, 'AWS_ROLE_ARN') === undefined,
        );
      }
      tour.expect(
        "somebody else's role is as it was",
        roles.some((role) => role.RoleName === somebodyElses) &&
          (await attachedTo(tour, somebodyElses)).join() === readOnly,
      );
    },
  },
];

const noTrust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

function roleNameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

function nameOf(pod: Pod | undefined): string {
  if (!pod) throw new TourFailure('there is no pod');
  return pod.metadata.name;
}

function envOf(pod: Pod, name: string): string | undefined {
  return pod.spec.containers[0]?.env?.find((entry) => entry.name === name)?.value;
}

function subjectsOf(trust: string): unknown {
  const { Statement: statements } = JSON.parse(trust) as {
    Statement: { Condition?: { StringEquals?: Record<string, unknown> } }[];
  };
  const conditions = Object.entries(statements[0]?.Condition?.StringEquals ?? {});
  return conditions.find(([key]) => key.endsWith(':sub'))?.[1];
}

function listing(calls: Readonly<Record<string, number>>): string {
  const parts = Object.entries(calls).map(([action, count]) =>
    count === 1 ? action : `${count} × ${action}`,
  );
  return parts.join(', ') || 'none';
}

/** Calls that change IAM: not the proofs, and not what a sweep reads. */
function writesOf(calls: Readonly<Record<string, number>>): number {
  return Object.entries(calls)
    .filter(([action]) => action.startsWith('iam:') && !/^iam:(Get|List)/.test(action))
    .reduce((sum, [, count]) => sum + count, 0);
}

async function getAccount(tour: Tour): Promise<LinkedServiceAccount> {
  return tour.client.get<LinkedServiceAccount>(linkedServiceAccounts, { name: account });
}

async function roleArnOf(tour: Tour): Promise<string> {
  return (await getAccount(tour)).status?.roleArn ?? '';
}

async function attachedTo(tour: Tour, role: string): Promise<readonly string[]> {
  const { AttachedPolicies: attached = [] } = await tour.iam.send(
    new ListAttachedRolePoliciesCommand({ RoleName: roleNameOf(role) }),
  );
  return attached.map((policy) => policy.PolicyArn ?? '');
}

function awaitAccount<R>(
  tour: Tour,
  waitingFor: string,
  until: (account: LinkedServiceAccount) => R | undefined,
): Promise<R> {
  const pick = (list: readonly LinkedServiceAccount[]): R | undefined =>
    list[0] ? until(list[0]) : undefined;
  return awaitObjects(
    tour.client,
    linkedServiceAccounts,
    { fieldSelector: `metadata.name=${account}` },
    waitingFor,
    pick,
    tour.signal,
  );
}

function toldAsDrift(tour: Tour, what: string): Promise<string> {
  return awaitAccount(tour, `${what} in the status`, (seen) => {
    const ready = conditionOf(seen.status?.conditions, 'Ready');
    return ready?.status === 'False' && ready.reason === 'RoleDrifted'
      ? `Ready=False ${ready.reason}: ${ready.message}`
      : undefined;
  });
}

async function readyAccount(tour: Tour, waitingFor: string): Promise<void> {
  await awaitAccount(tour, waitingFor, (seen) =>
    conditionOf(seen.status?.conditions, 'Ready')?.status === 'True' ? true : undefined,
  );
}

/** The app's ready pods that nobody is ending, once there are any that fit, and no others. */
function readyPods(
  tour: Tour,
  namespace: string,
  fits: (pod: Pod) => boolean = () => true,
): Promise<readonly Pod[]> {
  const selection = { namespace, labelSelector: `k11n.dev/app=${app}` };
  return awaitObjects<Pod, readonly Pod[]>(
    tour.client,
    resources.pods,
    selection,
    `ready pods of ${app} in ${namespace}`,
    (pods) => {
      const ready = pods.filter((pod) =>
        pod.status?.conditions?.some((entry) => entry.type === 'Ready' && entry.status === 'True'),
      );
      return pods.length > 0 &&
        ready.length === pods.length &&
        pods.every((pod) => pod.metadata.deletionTimestamp === undefined && fits(pod))
        ? pods
        : undefined;
    },
    tour.signal,
  );
}

async function replicaSets(tour: Tour, namespace: string): Promise<readonly KubeObject[]> {
  const list = await tour.client.list<KubeObject>(resources.replicaSets, {
    namespace,
    labelSelector: `k11n.dev/app=${app}`,
  });
  return list.items;
}

async function isGone(tour: Tour, namespace: string): Promise<boolean> {
  try {
    await tour.client.get(resources.serviceAccounts, { namespace, name: account });
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

/** Waits for a text in what a command that still runs prints. */
async function awaitText(
  tour: Tour,
  running: { output(): string; finished: Promise<unknown> },
  text: string,
): Promise<void> {
  const deadline = AbortSignal.any([tour.signal, AbortSignal.timeout(patienceMs)]);
  const { setTimeout: delay } = await import('node:timers/promises');
  while (!running.output().includes(text)) {
    if (deadline.aborted) throw new TourFailure(`waited for "${text}" in: ${running.output()}`);
    await Promise.race([running.finished, delay(50)]);
  }
}
