/** Tour step that runs an app without an account. */
import { AttachRolePolicyCommand, CreateRoleCommand } from '@aws-sdk/client-iam';
import type { TourStep } from '../tour.ts';
import { app, readOnly, bucket, somebodyElses, namespaces, nameOf, readyPods } from './observations.ts';

const noTrust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

export const podsWithoutAccount: TourStep = {
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
      'the SDK in the app pod finds no credentials',
      listing.code !== 0 && listing.output.includes('Could not load credentials'),
      listing.output,
    );
  },
};
