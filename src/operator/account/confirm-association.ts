/**
 * Confirms that new pods get their role: IAM shows the trust policy, EKS shows the association or its deletion, and the
 * webhook writes the role into a dry-run pod.
 */
import {
  fieldManager,
  podIdentityAudience,
  stsAudience,
  type LinkedServiceAccount,
} from '../../api/index.ts';
import {
  alteredSettings,
  IdentityError,
  trustForNamespace,
  type AssociationStore,
  type Step,
} from '../../identity/index.ts';
import { KubeApiError, resources, type KubeObject } from '../../kube/index.ts';
import { describeHeld, podIdentity } from '../../workloads/index.ts';
import type { StepTools } from './step-tools.ts';

type ConfirmStep = Extract<Step, { readonly kind: 'ConfirmAssociation' }>;

type ConfirmTools = Pick<StepTools, 'client' | 'roles' | 'associationCache'> & {
  readonly associations: AssociationStore;
};

/**
 * @throws IdentityError `NotInEffect` or `AssociationNotFound` until the trust policy, the association and the webhook
 * are confirmed
 */
export async function confirmAssociation(
  step: ConfirmStep,
  account: LinkedServiceAccount,
  tools: ConfirmTools,
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  await Promise.all([
    step.mode === 'PodIdentity' ? checkTrust(step, tools, signal) : undefined,
    checkAssociation(step, name, tools, signal),
  ]);
  await checkInjection(step, name, tools, signal);
  // EKS has just returned this association, so the cache stores it as read.
  const of = { namespace: step.target, serviceAccount: name };
  tools.associationCache.read(of, step.association);
}

async function checkTrust(step: ConfirmStep, { roles }: ConfirmTools, signal: AbortSignal): Promise<void> {
  const role = await roles.read(step.role, signal, { attachedPolicyArns: [], inlinePolicyNames: [] });
  const seen = role && trustForNamespace(role.trustPolicy, step.target);
  if (seen !== trustForNamespace(step.trustPolicy, step.target))
    throw notInEffect(`IAM does not show the new trust policy of the role "${step.role}" yet`);
}

async function checkAssociation(
  { target, association, roleArn }: ConfirmStep,
  account: string,
  { associations, associationCache }: ConfirmTools,
  signal: AbortSignal,
): Promise<void> {
  const of = { namespace: target, serviceAccount: account };
  const found = await associations.read(of, signal, association?.id);
  if (!association) {
    if (!found) return;
    // EKS returned the old association, or a new association of another owner. The next plan distinguishes these two
    // cases by the association's tags.
    associationCache.read(of, found);
    throw notInEffect(
      `EKS still shows the association "${found.id}" of the ServiceAccount ${target}/${account}`,
    );
  }
  if (found?.details?.roleArn === roleArn && alteredSettings(found).length === 0) return;
  associationCache.read(of, found);
  if (!found)
    throw new IdentityError(
      'AssociationNotFound',
      `EKS shows no association of the ServiceAccount ${target}/${account}`,
    );
  throw notInEffect(
    `EKS shows the association of the ServiceAccount ${target}/${account} with another role or with altered settings`,
  );
}

async function checkInjection(
  { target: namespace, mode, roleArn }: ConfirmStep,
  account: string,
  { client }: ConfirmTools,
  signal: AbortSignal,
): Promise<void> {
  let made: KubeObject;
  try {
    made = await client.create<KubeObject>(resources.pods, dryRunPod(namespace, account), {
      dryRun: true,
      fieldManager,
      signal,
    });
  } catch (error) {
    // The API server refuses the dry-run pod, for example because of an admission policy. The first real pod will show
    // which identity pods get.
    if (error instanceof KubeApiError) return;
    throw error;
  }
  const audience = mode === 'PodIdentity' ? podIdentityAudience : stsAudience;
  const identity = podIdentity(made, { roleArn, audience });
  if ('held' in identity)
    throw notInEffect(
      `the webhook does not inject the account's role yet: a new pod would hold ${describeHeld(identity.held)}`,
    );
}

/** Returns a dry-run pod that complies with the Pod Security Standard `restricted`. */
function dryRunPod(namespace: string, serviceAccountName: string): KubeObject & { readonly spec: object } {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'konstellation-trial', namespace },
    spec: {
      serviceAccountName,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65_534, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'trial',
          image: 'registry.k8s.io/pause:3.10',
          resources: { requests: { cpu: '1m', memory: '1Mi' }, limits: { cpu: '1m', memory: '1Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}

function notInEffect(message: string): IdentityError {
  return new IdentityError('NotInEffect', message);
}
