/** Tour step that deletes the account. The deletion waits for the account's pods. */
import { ListRolesCommand } from '@aws-sdk/client-iam';
import { findCondition } from '../../../../src/k8s/conditions.ts';
import type { TourStep } from '../tour.ts';
import {
  account,
  app,
  readOnly,
  fullAccess,
  somebodyElses,
  namespaces,
  envOf,
  roleArnOf,
  attachedTo,
  awaitAccount,
  readyPods,
  isGone,
  awaitText,
} from './observations.ts';

export const deleteAccount: TourStep = {
  title: 'kon account delete: waits for the pods that use the account, then removes everything',
  async run(tour) {
    const arn = await roleArnOf(tour);
    const deletion = tour.commands.start(['account', 'delete', account, '--yes']);
    await awaitAccount(tour, 'the deletion to wait for the pods', (seen) =>
      findCondition(seen.status?.conditions, 'Ready')?.reason === 'InUse' ? true : undefined,
    );
    await awaitText(tour, deletion, app);
    tour.expect(
      'the command names the pods that use the account',
      deletion.output().includes(`production/${app}`),
    );
    tour.expect('the role still exists', (await attachedTo(tour, arn)).join() === fullAccess);
    await tour.commands.kon(['app', 'edit', app], {
      typed: [
        { find: `^ *serviceAccount: ${account}\\n`, replace: '', shown: `-   serviceAccount: ${account}` },
      ],
    });
    const finished = await deletion.finished;
    tour.expect('the deletion ends once no pod uses the account', finished.code === 0, finished.output);
    const { Roles: roles = [] } = await tour.iam.send(new ListRolesCommand({}));
    tour.expect('the role is deleted', !roles.some((role) => role.Arn === arn));
    for (const namespace of namespaces) {
      tour.expect(`ServiceAccount ${namespace}/${account} is deleted`, await isGone(tour, namespace));
      const [pod] = await readyPods(tour, namespace);
      tour.expect(
        `the app keeps running in ${namespace}, without an identity`,
        pod !== undefined && envOf(pod, 'AWS_ROLE_ARN') === undefined,
      );
    }
    tour.expect(
      'the role of another owner is unchanged',
      roles.some((role) => role.RoleName === somebodyElses) &&
        (await attachedTo(tour, somebodyElses)).join() === readOnly,
    );
  },
};
