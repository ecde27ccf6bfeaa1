/** Installs the pinned moto that the scenario table compares the AWS stand-in with. Does nothing when it is there. */
import { ensureMoto } from '../test/integration/aws-scenarios/moto.ts';

try {
  await ensureMoto((line) => {
    console.log(line);
  });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
