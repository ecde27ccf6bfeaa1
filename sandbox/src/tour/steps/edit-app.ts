/** Tour step that assigns an account to the app. */
import type { TourStep } from '../tour.ts';
import {
  account,
  app,
  namespaces,
  envOf,
  listing,
  roleArnOf,
  readyPods,
  replicaSets,
} from './observations.ts';

export const editApp: TourStep = {
  title: 'kon app edit: the app is redeployed with its new identity',
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
        `the pod in ${namespace} has the role and a token for the role`,
        pod !== undefined && others.length === 0 && envOf(pod, 'AWS_WEB_IDENTITY_TOKEN_FILE') !== undefined,
      );
      const sets = await replicaSets(tour, namespace);
      tour.expect(
        `the app in ${namespace} was rolled out once`,
        sets.length === 2,
        `${sets.length} ReplicaSets`,
      );
    }
    const after = await readyPods(tour, 'production');
    tour.expect(
      'every earlier pod was replaced',
      !after.some((pod) => before.some((old) => old.metadata.uid === pod.metadata.uid)),
    );
  },
};
