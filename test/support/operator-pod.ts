/**
 * Runs the operator of an installation in a sandbox. The sandbox's node runs no containers, so a local process with the
 * identity of the operator's pod and the arguments of its container runs in place of the pod.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import { renderKubeconfig } from '../../sandbox/src/cluster/kubeconfig.ts';
import { eventually } from './eventually.ts';
import type { Running } from './executable.ts';
import type { Pod } from './person.ts';
import type { TestSandbox } from './sandbox.ts';

const namespace = 'konstellation';

/**
 * Waits for the operator's pod, and runs its container's command locally. SIGTERM to the returned process is forwarded
 * to the operator.
 *
 * @param kon the command that runs in place of `kon` in the image
 * @param isWanted whether to use this pod
 */
export async function runAsPod(
  sandbox: TestSandbox,
  kon: readonly string[] = sandbox.executable.kon,
  isWanted: (pod: Pod & KubeObject) => boolean = () => true,
): Promise<Running> {
  const { client, executable, description } = sandbox;
  const pod = await eventually('the operator’s pod', async () => {
    const { items } = await client.list<Pod & KubeObject>(resources.pods, { namespace });
    return items.find((item) => item.status?.phase === 'Running' && isWanted(item));
  });
  const { serviceAccountName = '', containers } = pod.spec;
  const { token } = await client.createToken(
    { namespace, name: serviceAccountName },
    { audiences: ['https://kubernetes.default.svc'], expirationSeconds: 7200 },
  );
  const tokenFile = join(executable.folder, `${pod.metadata.name}.token`);
  const kubeconfig = join(executable.folder, `${pod.metadata.name}.kubeconfig`);
  await writeFile(tokenFile, token);
  await writeFile(
    kubeconfig,
    renderKubeconfig({
      server: description.server,
      caCertificate: await readFile(join(description.folder, 'run/ca.crt'), 'utf8'),
      client: { tokenFile },
      name: 'operator',
    }),
  );
  const [container] = containers as unknown as readonly [{ readonly args: readonly string[] }];
  const args = container.args.filter((arg) => !arg.startsWith('--health-address='));
  const exec = ['sandbox', 'exec', '-n', namespace, pod.metadata.name, '--'];
  const started = sandbox.startKon(
    [...exec, ...kon, ...args, `--kubeconfig=${kubeconfig}`],
    inSandbox(description),
  );
  await started.until('operator leads');
  return started;
}

/** Returns the environment variables that make `kon sandbox` commands use this sandbox. */
export const inSandbox = (
  description: TestSandbox['description'],
): { readonly env: { KON_SANDBOX_DIR: string } } => ({
  env: { KON_SANDBOX_DIR: description.folder },
});
