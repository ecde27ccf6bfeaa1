/** Planted bugs in the targets of an account: trust policies, links, proofs and associations. */
import { linkedServiceAccounts } from '../../../../src/api/index.ts';
import { wantedMode } from '../../../../src/identity/desired/role.ts';
import { holdsWebIdentity } from '../../../../src/identity/plan/trusted-targets.ts';
import { isDraining, isReportedLinked } from '../../../../src/identity/plan/draining.ts';
import { planByAnnotation } from '../../../../src/identity/plan/target-by-annotation.ts';
import { planByAssociation } from '../../../../src/identity/plan/target-by-association.ts';
import { currentSwitchSlot } from '../../../../src/identity/plan/target.ts';
import { decideProof } from '../../../../src/identity/plan/proofs.ts';
import { assessmentOf, assignedRole } from '../../../../src/identity/plan/target-context.ts';
import { alteredSettings } from '../../../../src/identity/steps/association.ts';
import { decideTargets } from '../../../../src/identity/plan/target-decisions.ts';
import { applyAssociationStep } from '../../../../src/operator/account/apply-association-step.ts';
import { applyStep } from '../../../../src/operator/account/apply-step.ts';
import { enqueueOnChange } from '../../../../src/operator/account/enqueue.ts';
import { isAgent } from '../../../../src/workloads/pod.ts';
import { agentOf } from '../../../../src/workloads/pod-identity-agent.ts';
import { around, overriding, type PlantedBug } from '../planted-bug.ts';

export const targetBugs: readonly PlantedBug[] = [
  {
    name: 'the removal of a target takes access from its running pods',
    story:
      'A target that is removed from the spec is removed from the trust policy at once, so its running pods lose access.',
    wrappers: [
      around(
        isDraining,
        (original) => (world, facts, target) =>
          original(world, facts, { ...target, held: { ...target.held, roleArns: [] } }),
      ),
    ],
    scenario: 'an account loses a target that an app runs in, and the app is then deleted',
    caughtBy: 'in use',
  },
  {
    name: 'a labelled ServiceAccount counts as evidence of an earlier link',
    story:
      'A restarted operator concludes from a labelled ServiceAccount that the account was linked there, and treats an out-of-band change of the trust policy as its own.',
    wrappers: [
      around(
        isReportedLinked,
        (original) => (world, name) =>
          original(world, name) ||
          world.targets.some(
            (target) =>
              target.name === name && target.serviceAccount?.account === world.account.metadata.name,
          ),
      ),
    ],
    scenario: 'a namespace that is not a target but has pods is added to a trust policy out of band',
    plans: 'killedBefore',
    caughtBy: 'end state',
  },
  {
    name: 'a removed target loses its association at once',
    story:
      'The association of a removed target is deleted while running pods get their credentials through it.',
    wrappers: [
      around(
        isDraining,
        (original) => (world, facts, target) =>
          original(world, facts, { ...target, held: { ...target.held, podIdentity: 0 } }),
      ),
    ],
    scenario: 'an account in Pod Identity loses a target that an app runs in, and the app is then deleted',
    caughtBy: 'in use',
  },
  {
    name: 'the trust policy includes a namespace that is being deleted',
    story: 'The next user who creates the namespace inherits the permissions of the previous one.',
    wrappers: [
      around(decideTargets, (original) => (world, facts) => {
        const targets = world.targets.map((target) =>
          target.namespace === 'terminating' ? { ...target, namespace: 'present' as const } : target,
        );
        return original({ ...world, targets }, facts).map((decision) => {
          const { name } = decision.observation;
          return {
            ...decision,
            observation: world.targets.find((target) => target.name === name) ?? decision.observation,
          };
        });
      }),
    ],
    scenario: 'the deletion of a target namespace does not finish',
    caughtBy: 'in step in time',
  },
  {
    name: 'a target role stays on an association',
    story: 'An association is compared only by its role, but pods get the credentials of the target role.',
    wrappers: [around(alteredSettings, () => () => [])],
    scenario: 'others set a target role on an association, which an update does not remove',
    caughtBy: 'in step in time',
  },
  {
    name: 'an identity counts as proven without a token exchange',
    story:
      'Ready then means that everything was written, but not that it works: IAM needs seconds to propagate changes, and users mistype issuers.',
    wrappers: [around(decideProof, () => () => ({ proven: true, proofKey: 'assumed' }))],
    scenario: 'an account is created',
    caughtBy: 'proof',
  },
  {
    name: 'a Pod Identity counts as proven without an agent',
    story:
      'The operator itself exchanges a token of the pod with EKS Auth, which succeeds even on nodes where the pod gets no credentials.',
    wrappers: [
      around(
        planByAssociation,
        (original) => (context, observation, standing) =>
          original(context, { ...observation, held: { ...observation.held, withoutAgent: [] } }, standing),
      ),
    ],
    scenario: 'an account in Pod Identity has a pod on Fargate beside an app, and the pod then ends',
    caughtBy: 'in step in time',
  },
  {
    name: 'an agent that was ready once counts as ready',
    story:
      'The operator assumes an agent on each node if the DaemonSet exists, regardless of the DaemonSet’s pods.',
    wrappers: [around(agentOf, () => () => ({ state: 'serves' }))],
    scenario: 'the Pod Identity agent of a node is removed while an app uses it, and is added again',
    caughtBy: 'in step in time',
  },
  {
    name: 'the removal of an agent is not noticed',
    story:
      'Only changes of an account’s pods cause a reconcile, but changes of the agents on the same nodes do not.',
    wrappers: [
      around(enqueueOnChange, (original) => (of) => {
        const { pods } = of.informers;
        const onChange: typeof pods.onChange = (listener) =>
          pods.onChange((change) => {
            const pod = change.new ?? change.old;
            if (!pod || !isAgent(pod)) listener(change);
          });
        original({ ...of, informers: { ...of.informers, pods: overriding(pods, { onChange }) } });
      }),
    ],
    scenario: 'the Pod Identity agent of a node is removed while an app uses it, and is added again',
    caughtBy: 'in step in time',
  },
  {
    name: 'a ServiceAccount is linked before its role exists',
    story:
      'Names are known in advance, so the annotation is written before the role exists, and pods start with a role that they cannot assume.',
    wrappers: [
      around(planByAnnotation, (original) => (context, observation, standing) => {
        const { name, serviceAccount } = observation;
        const assessment = assessmentOf(context, 'IRSA', name);
        if (assessment && !serviceAccount && !assignedRole(context, 'IRSA', name))
          context.list.addStep({ kind: 'CreateServiceAccount', target: name, roleArn: assessment.arn });
        return original(context, observation, standing);
      }),
      // The additional request delays the creation of the role, so that the operator writes the link before the role.
      around(applyStep, (original) => async (step, account, tools, signal) => {
        const { name } = account.metadata;
        if (step.kind === 'CreateRole') await tools.client.get(linkedServiceAccounts, { name }, { signal });
        return original(step, account, tools, signal);
      }),
    ],
    scenario: 'an account is created',
    caughtBy: 'link before role',
  },
  {
    name: 'a switch of the identity mode cuts off running pods',
    story: 'The trust policy follows the wanted mode and ignores the mode of older pods.',
    wrappers: [
      around(
        holdsWebIdentity,
        (original) => (world, facts, target) =>
          wantedMode(world.account, facts) === 'IRSA' && original(world, facts, target),
      ),
    ],
    scenario: 'the identity mode of an account is switched and switched back',
    caughtBy: 'narrowing',
  },
  {
    name: 'the next target switches modes before the pods of the previous target are replaced',
    story:
      'The switch of a target counts as complete once its call succeeds, even if the pods of the target are not replaced yet.',
    wrappers: [
      around(
        currentSwitchSlot,
        (original) => (world, facts, decisions) =>
          original(
            world,
            facts,
            decisions.map((decision) => {
              const { observation } = decision;
              return {
                ...decision,
                observation: { ...observation, held: { ...observation.held, podIdentity: 0 } },
              };
            }),
          ),
      ),
    ],
    scenario: 'the identity mode of an account is switched and switched back',
    caughtBy: 'narrowing',
  },
  {
    name: 'an association is deleted because of a role annotation that no longer exists',
    story:
      'A new leader with a stale view deletes the association that serves the pods, because it still sees a role annotation that was removed. Sieve (OSDI 2022): time travel.',
    wrappers: [
      around(applyAssociationStep, (original) => (step, account, tools, signal) => {
        if (step.kind !== 'DeleteAssociation') return original(step, account, tools, signal);
        const { successor: _, ...unchecked } = step;
        return original(unchecked, account, tools, signal);
      }),
    ],
    scenario: 'the identity mode of the cluster is switched',
    plans: 'olderView',
    caughtBy: 'narrowing',
  },
];
