/** Planted bugs in the controller of apps. */
import type { KubeClient } from '../../../../src/kube/index.ts';
import { executePlan } from '../../../../src/operator/app/execute.ts';
import { withDryRun } from '../../../../src/workloads/dry-run.ts';
import { stepsWithoutSpec } from '../../../../src/workloads/halt.ts';
import { identityGate } from '../../../../src/workloads/identity-gate.ts';
import { covers } from '../../../../src/workloads/manifest.ts';
import { deploymentOf, planApp } from '../../../../src/workloads/plan.ts';
import { isRolledOut } from '../../../../src/workloads/pod-replacement.ts';
import type { PodTemplate } from '../../../../src/workloads/steps.ts';
import { around, overriding, type PlantedBug } from '../planted-bug.ts';

export const appBugs: readonly PlantedBug[] = [
  {
    name: 'a stability gate blocks the rollback',
    story:
      'The operator changes nothing during a rollout, so a rollout that cannot succeed cannot be reverted (kubernetes#67250, about StatefulSets).',
    wrappers: [
      around(planApp, (original) => (observation) => {
        const plan = original(observation);
        const targets = plan.targets.map((planned) => {
          const { target } = planned;
          const onTarget = observation.objects.filter(({ metadata }) => metadata.namespace === target.name);
          const deployment = deploymentOf(observation.app, onTarget);
          if (!deployment || isRolledOut(deployment)) return planned;
          const blocker = { reason: 'WaitingForTurn', message: 'a rollout is under way' } as const;
          return { target, kind: 'held', blocker, steps: [] } as const;
        });
        return { ...plan, targets };
      }),
    ],
    scenario: 'an app is rolled back from an image that does not start',
    caughtBy: 'in step in time',
  },
  {
    name: 'an app does not wait for its account',
    story: 'Pods that start before their identity exists run without it, and nothing restarts them.',
    wrappers: [
      around(
        identityGate,
        (original) => (input) =>
          input.linkedServiceAccount === undefined ? { open: true } : original(input),
      ),
    ],
    scenario: 'an app exists before its account',
    caughtBy: 'in step in time',
  },
  {
    name: 'an edit of policies rolls the apps',
    story: 'The identity annotation in the pod template changes with every generation of the account.',
    wrappers: [
      around(identityGate, (original) => (input) => {
        const gate = original(input);
        if (!gate.open || !gate.identity) return gate;
        const { generation } = input.linkedServiceAccount?.metadata ?? {};
        return { ...gate, identity: { ...gate.identity, mark: `${gate.identity.mark} of ${generation}` } };
      }),
    ],
    scenario: 'the policies of an account are edited while an app uses it',
    caughtBy: 'counts',
  },
  {
    name: 'objects are created for an app that no longer exists',
    story:
      'The garbage collector deletes these objects and the operator recreates them, until the operator observes the deletion of the app.',
    wrappers: [
      around(executePlan, (original) => (plan, tools) => {
        const { client } = tools.context;
        const get = (async (resource, ...others) =>
          resource.plural === 'apps' ? tools.app : client.get(resource, ...others)) as KubeClient['get'];
        const context = { ...tools.context, client: overriding(client, { get }) };
        return original(plan, { ...tools, context });
      }),
    ],
    scenario: 'an app on two targets is deleted',
    plans: 'missed',
    caughtBy: 'counts',
  },
  {
    name: 'a halt waits for the rest of the spec',
    story: 'A user has to correct a spec that cannot be applied before the app can be halted.',
    wrappers: [
      around(
        stepsWithoutSpec,
        (original) => (app, standing) =>
          standing.target.deployMode === 'halt' ? [] : original(app, standing),
      ),
    ],
    scenario: 'an app is halted after an edit that cannot be applied, corrected and started again',
    caughtBy: 'halt',
  },
  {
    name: 'a new image is rolled out though the webhook is unavailable',
    story:
      'The operator creates a dry-run pod only for a new identity, so a new image during a webhook outage replaces pods by pods without a role.',
    wrappers: [
      around(
        withDryRun,
        (original) => (steps, input) =>
          original(steps, input).map((step) => {
            const { dryRunPod: _, ...others } = step;
            const template = step.manifest.spec?.['template'] as PodTemplate | undefined;
            const hasSameIdentity = covers(input.deployment?.spec?.template?.metadata, template?.metadata);
            return input.deployment && template && hasSameIdentity ? others : step;
          }),
      ),
    ],
    scenario: 'an app gets another image while the webhook is unavailable',
    caughtBy: 'pod without identity',
  },
  {
    name: 'an app is started without a dry-run pod',
    story: 'The pod template is the one that was deployed before, so the operator checks nothing.',
    wrappers: [
      around(withDryRun, (original) => (steps, input) => {
        const { deployment } = input;
        const running = deployment && { ...deployment, spec: { ...deployment.spec, replicas: 1e9 } };
        return original(steps, { ...input, deployment: running });
      }),
    ],
    scenario: 'an app is resumed after a halt while the webhook is unavailable',
    caughtBy: 'pod without identity',
  },
];
