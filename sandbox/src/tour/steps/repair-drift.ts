/** Tour step that makes out-of-band changes, which the operator repairs. */
import { DetachRolePolicyCommand, GetRoleCommand, UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import { findCondition } from '../../../../src/k8s/conditions.ts';
import type { TourStep } from '../tour.ts';
import {
  account,
  fullAccess,
  bucket,
  roleNameOf,
  nameOf,
  roleArnOf,
  attachedTo,
  awaitAccount,
  reportedAsDrift,
  readyAccount,
  readyPods,
} from './observations.ts';

export const repairDrift: TourStep = {
  title: 'The role is changed out of band: the drift is reported and repaired',
  async run(tour) {
    const arn = await roleArnOf(tour);
    const RoleName = roleNameOf(arn);
    tour.say(`$ aws iam detach-role-policy --role-name ${RoleName} --policy-arn ${fullAccess}`);
    const detachmentReported = reportedAsDrift(tour, 'the detached policy');
    await tour.iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn: fullAccess }));
    tour.say(`status: ${await detachmentReported}`);
    await readyAccount(tour, 'the policy to be attached again');
    tour.expect('the policy is attached again', (await attachedTo(tour, arn)).join() === fullAccess);

    tour.say(`$ aws iam update-assume-role-policy --role-name ${RoleName} --policy-document …somebody else…`);
    const { Role: role } = await tour.iam.send(new GetRoleCommand({ RoleName }));
    const trust = decodeURIComponent(role?.AssumeRolePolicyDocument ?? '');
    const refusalReported = awaitAccount(tour, 'the refusal by STS in the status', (seen) => {
      const row = seen.status?.targets?.find((target) => target.reason === 'AssumeRoleDenied');
      return findCondition(seen.status?.conditions, 'Ready')?.status === 'False' ? row?.message : undefined;
    });
    await tour.iam.send(
      new UpdateAssumeRolePolicyCommand({
        RoleName,
        PolicyDocument: trust.replaceAll(`:${account}"`, ':somebody-else"'),
      }),
    );
    tour.say(`status: ${await refusalReported}`);
    await readyAccount(tour, 'the trust policy to be restored and proven');
    const { Role: repaired } = await tour.iam.send(new GetRoleCommand({ RoleName }));
    tour.expect(
      'the trust policy is restored',
      decodeURIComponent(repaired?.AssumeRolePolicyDocument ?? '') === trust,
    );
    const [pod] = await readyPods(tour, 'production');
    const reading = await tour.commands.inPod('production', nameOf(pod), ['read', bucket, 'from-the-pod']);
    tour.expect(
      'pods can use the role',
      reading.code === 0 && reading.output.trim() === 'written by the app',
      reading.output,
    );
  },
};
