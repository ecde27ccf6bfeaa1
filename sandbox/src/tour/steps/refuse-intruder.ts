/** Tour step that attempts to use the role with a ServiceAccount that the role does not trust. */
import { AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts';
import { stsAudience } from '../../../../src/api/index.ts';
import { resources, type KubeObject } from '../../../../src/kube/index.ts';
import type { TourStep } from '../tour.ts';
import { roleArnOf } from './observations.ts';

export const refuseIntruder: TourStep = {
  title: 'Another ServiceAccount in the namespace tries to assume the role with its own valid token',
  async run(tour) {
    const intruder: KubeObject = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { namespace: 'production', name: 'intruder' },
    };
    await tour.client.create(resources.serviceAccounts, intruder);
    const { token } = await tour.client.createToken(
      { namespace: 'production', name: 'intruder' },
      { audiences: [stsAudience], expirationSeconds: 600 },
    );
    const refusal = await tour.sts
      .send(
        new AssumeRoleWithWebIdentityCommand({
          RoleArn: await roleArnOf(tour),
          RoleSessionName: 'intruder',
          WebIdentityToken: token,
        }),
      )
      .then(
        () => 'the intruder got credentials',
        (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
      );
    tour.say(refusal);
    tour.expect('STS refuses the call', refusal.startsWith('AccessDenied'), refusal);
    await tour.client.delete(resources.serviceAccounts, { namespace: 'production', name: 'intruder' });
  },
};
