/**
 * What the planner has to know of one target, told from Kubernetes objects. The operator has them from its stores, the
 * command line asks the API server; what they mean is the same.
 */
import {
  accountLabel,
  appLabel,
  audienceAnnotation,
  createdAnnotation,
  roleArnAnnotation,
  stsAudience,
} from '../../api/index.ts';
import {
  accountLabelValue,
  type AccountUser,
  type ObservedServiceAccount,
  type TargetObservation,
} from '../../identity/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { countPods, isRunning, type Pod } from '../../workloads/index.ts';
import { roleArnManagerOf } from '../context.ts';

export type Namespace = KubeObject & { readonly status?: { readonly phase?: string } };

export function targetObservation(of: {
  readonly target: string;
  readonly account: string;
  readonly namespace: Namespace | undefined;
  /** The one of the account's name, with the managed fields of its annotations. */
  readonly serviceAccount: KubeObject | undefined;
  /** Those that run as this ServiceAccount. */
  readonly pods: readonly Pod[];
}): TargetObservation {
  const { namespace, account } = of;
  const serviceAccount = of.serviceAccount ? observeServiceAccount(of.serviceAccount) : undefined;
  const pods = of.pods.filter(isRunning);
  // A pod of a ServiceAccount that is not ours uses that one, not this account.
  const ours = serviceAccount?.account === accountLabelValue(account);
  const carried = ours ? serviceAccount?.roleArn : undefined;
  return {
    name: of.target,
    namespace: !namespace ? 'missing' : isTerminating(namespace) ? 'terminating' : 'present',
    ...(serviceAccount ? { serviceAccount } : {}),
    users: ours ? pods.map(describeUser) : [],
    pods:
      carried === undefined
        ? { current: 0, stale: 0, uninjected: 0 }
        : countPods(pods, { roleArn: carried, audience: serviceAccount?.audience ?? stsAudience }),
  };
}

function observeServiceAccount(object: KubeObject): ObservedServiceAccount {
  const { uid = '', resourceVersion = '', labels = {}, annotations = {} } = object.metadata;
  const account = labels[accountLabel];
  const roleArn = annotations[roleArnAnnotation];
  const audience = annotations[audienceAnnotation];
  const roleArnManager = roleArnManagerOf(object);
  return {
    uid,
    resourceVersion,
    created: annotations[createdAnnotation] !== undefined,
    ...(account === undefined ? {} : { account }),
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(roleArnManager === undefined ? {} : { roleArnManager }),
    ...(audience === undefined ? {} : { audience }),
  };
}

function isTerminating(namespace: Namespace): boolean {
  return namespace.metadata.deletionTimestamp !== undefined || namespace.status?.phase === 'Terminating';
}

function describeUser(pod: Pod): AccountUser {
  const app = pod.metadata.labels?.[appLabel];
  if (app !== undefined) return { pod: pod.metadata.name, workload: `app ${app}` };
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller);
  return { pod: pod.metadata.name, ...(owner ? { workload: `${owner.kind}/${owner.name}` } : {}) };
}
