/**
 * Selects the API server that the tests start. If the variable `KON_TEST_KUBERNETES` is set (by the vitest projects
 * `oldest-kubernetes` and `matrix`), the tests start the API server of the oldest supported Kubernetes version,
 * otherwise that of the sandbox's version.
 */
import type { BinaryName } from '../../sandbox/src/binaries/parts.ts';

type TestedApiServer = {
  readonly binary: Extract<BinaryName, 'kube-apiserver' | 'oldest-kube-apiserver'>;
  /** Value for the option `limitAnonymous` of the control plane. */
  readonly limitAnonymous: boolean;
};

export function testedApiServer(env: Readonly<Record<string, string | undefined>>): TestedApiServer {
  const selected = env['KON_TEST_KUBERNETES'] ?? '';
  if (selected === '') return { binary: 'kube-apiserver', limitAnonymous: true };
  if (selected === 'oldest') return { binary: 'oldest-kube-apiserver', limitAnonymous: false };
  throw new Error(`KON_TEST_KUBERNETES is "${selected}"; it can be "oldest" or unset`);
}

/** Whether the tests in this process run on the oldest supported version. */
export const isOldestKubernetes = testedApiServer(process.env).binary === 'oldest-kube-apiserver';
