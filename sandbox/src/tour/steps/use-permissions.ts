/** Tour step that uses the pod's permissions: one call is allowed, and one call is denied. */
import type { TourStep } from '../tour.ts';
import { bucket, roleNameOf, nameOf, roleArnOf, readyPods } from './observations.ts';

export const usePermissions: TourStep = {
  title: 'A stock AWS SDK in the pod is allowed to read but not to write',
  async run(tour) {
    const [pod] = await readyPods(tour, 'production');
    const run = (args: readonly string[]) => tour.commands.inPod('production', nameOf(pod), args);
    const who = await run(['whoami']);
    tour.expect(
      'the identity of the pod is the role',
      who.code === 0 && who.output.includes(`:assumed-role/${roleNameOf(await roleArnOf(tour))}/`),
      who.output,
    );
    const buckets = await run(['list']);
    tour.expect(
      'the pod lists buckets',
      buckets.code === 0 && buckets.output.split('\n').includes(bucket),
      buckets.output,
    );
    const greeting = await run(['read', bucket, 'greeting']);
    tour.expect(
      'the pod reads an object',
      greeting.code === 0 && greeting.output.trim() === 'hello from S3',
      greeting.output,
    );
    const writing = await run(['write', bucket, 'from-the-pod', 'x']);
    tour.expect(
      'a write by the pod is denied',
      writing.code !== 0 && writing.output.startsWith('AccessDenied'),
      writing.output,
    );
  },
};
