/** Tour step that changes permissions without restarting the pods. */
import type { TourStep } from '../tour.ts';
import {
  account,
  readOnly,
  fullAccess,
  bucket,
  namespaces,
  nameOf,
  listing,
  writesOf,
  readyPods,
  replicaSets,
  type Pod,
} from './observations.ts';

export const editAccount: TourStep = {
  title: 'kon account edit: the pods get more permissions within seconds, without a restart',
  async run(tour) {
    const before = await Promise.all(namespaces.map((namespace) => readyPods(tour, namespace)));
    await tour.operatorCalls();
    await tour.commands.kon(['account', 'edit', account], {
      typed: [{ find: readOnly, replace: fullAccess, shown: `-     - ${readOnly}\n+     - ${fullAccess}` }],
    });
    const calls = await tour.operatorCalls();
    tour.say(`the operator's calls to AWS: ${listing(calls)}`);
    tour.expect(
      'the operator made one call to attach and one to detach a policy, and no other write',
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
    tour.expect('the same pod is now allowed to write', writing.code === 0, writing.output);
    const after = await Promise.all(namespaces.map((namespace) => readyPods(tour, namespace)));
    const uids = (lists: readonly (readonly Pod[])[]): string =>
      JSON.stringify(lists.map((list) => list.map((each) => each.metadata.uid ?? '').sort()));
    tour.expect('no pod was replaced', uids(before) === uids(after));
    for (const namespace of namespaces)
      tour.expect(
        `the app in ${namespace} was not rolled out again`,
        (await replicaSets(tour, namespace)).length === 2,
      );
  },
};
