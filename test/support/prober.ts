/**
 * A prober that repeatedly exchanges the tokens of running pods, as the pods' SDKs or the agents on their nodes do, and
 * records every failure.
 */
import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { createEksAuthClient } from '../../src/eks-auth/client.ts';
import { isNotFound, resources } from '../../src/kube/index.ts';
import { roleOf, type Pod } from './person.ts';
import type { TestSandbox } from './sandbox.ts';

export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
};

export type Failure = {
  readonly round: number;
  readonly account: string;
  readonly target: string;
  readonly what: string;
};

export type Prober = {
  /** Waits until a round has ended that began after this call. Resolves with all failures so far. */
  untilProbed(): Promise<readonly Failure[]>;
  /** Ends the prober after the current round. */
  stop(): Promise<{ rounds: number; failures: readonly Failure[] }>;
};

export type Probers = {
  /**
   * Probes all running pods of the accounts, in rounds, until `stop` is called.
   *
   * @param use what a program in the pod does with its credentials; a rejection counts as a failure
   */
  probe(accounts: readonly string[], use?: (credentials: Credentials) => Promise<void>): Prober;
  /** Stops all probers. */
  close(): Promise<void>;
};

export function createProbers(sandbox: TestSandbox): Probers {
  const { awsEndpoint: endpoint, region, credentials, name: clusterName } = sandbox.description;
  const sts = new STSClient({ endpoint, region, credentials });
  const eksAuth = createEksAuthClient({ endpoint, region, credentials });
  const probers: Prober[] = [];

  const exchange = async ({ metadata, spec }: Pod): Promise<Credentials> => {
    const { namespace = '', name, uid = '' } = metadata;
    const ref = { namespace, name: spec.serviceAccountName ?? '' };
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid };
    const roleArn = roleOf({ metadata, spec } as Pod);
    const audience = roleArn === undefined ? 'pods.eks.amazonaws.com' : 'sts.amazonaws.com';
    const { token } = await sandbox.client.createToken(ref, {
      audiences: [audience],
      boundObjectRef,
      expirationSeconds: 600,
    });
    if (roleArn === undefined) return (await eksAuth.exchange({ clusterName, token })).credentials;
    const answer = await sts.send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: roleArn,
        RoleSessionName: 'prober',
        WebIdentityToken: token,
      }),
    );
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = answer.Credentials ?? {};
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  };

  const isRunning = ({ metadata, status }: Pod): boolean =>
    metadata.deletionTimestamp === undefined && status?.phase === 'Running';
  const stillRuns = async ({ metadata: { namespace, name, uid } }: Pod): Promise<boolean> => {
    try {
      const pod = await sandbox.client.get<Pod>(resources.pods, { namespace, name });
      return pod.metadata.uid === uid && isRunning(pod);
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  };

  return {
    probe(accounts, use = async () => {}) {
      const failures: Failure[] = [];
      const end = new AbortController();
      let rounds = 0;
      let ended: PromiseWithResolvers<void> = Promise.withResolvers();
      const tryPod = async (pod: Pod, round: number): Promise<void> => {
        try {
          await use(await exchange(pod));
        } catch (error) {
          if (!(await stillRuns(pod))) return;
          const { namespace: target = '', name } = pod.metadata;
          const how = roleOf(pod) === undefined ? 'Pod Identity' : 'web identity';
          const what = `${name} by ${how}: ${String(error)}`;
          failures.push({ round, account: pod.spec.serviceAccountName ?? '', target, what });
        }
      };
      const running = (async () => {
        while (!end.signal.aborted) {
          rounds += 1;
          const round = rounds;
          const { items } = await sandbox.client.list<Pod>(resources.pods);
          const pods = items.filter(
            (pod) => accounts.includes(pod.spec.serviceAccountName ?? '') && isRunning(pod),
          );
          await Promise.all(pods.map((pod) => tryPod(pod, round)));
          const { resolve } = ended;
          ended = Promise.withResolvers();
          resolve();
        }
      })();
      const prober: Prober = {
        async untilProbed() {
          await ended.promise;
          await ended.promise;
          return failures;
        },
        async stop() {
          end.abort();
          await running;
          return { rounds, failures };
        },
      };
      probers.push(prober);
      return prober;
    },
    async close() {
      await Promise.all(probers.map((prober) => prober.stop()));
      sts.destroy();
      eksAuth.close();
    },
  };
}
