/**
 * The parts of a container that determine its AWS identity: the container's variables and its projected tokens. They
 * are used by a process outside the container, so the tokens are written to another folder.
 */
import type { KubeObject } from '../../../src/kube/index.ts';
import type { Environment } from '../environment.ts';

type ContainerSpec = {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
};

type TokenProjection = {
  readonly audience?: string;
  readonly expirationSeconds?: number;
  readonly path: string;
};

export type ExecPod = KubeObject & {
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly schedulerName?: string;
    readonly nodeName?: string;
    readonly containers: readonly ContainerSpec[];
    readonly volumes?: readonly {
      readonly name: string;
      readonly projected?: {
        readonly sources?: readonly { readonly serviceAccountToken?: TokenProjection }[];
      };
    }[];
  };
  readonly status?: { readonly phase?: string };
};

/** A token to request, and the path of its file. */
export type NeededToken = {
  readonly audience: string;
  /** Requested lifetime of the token, in seconds. */
  readonly expirationSeconds: number;
  /** Path relative to the private folder for tokens, with `/` as separator. */
  readonly file: string;
};

export type PodIdentity = {
  readonly serviceAccount: string;
  readonly tokens: readonly NeededToken[];
  /** Whether the container's SDKs get credentials from the node's Pod Identity agent. */
  readonly usesAgent: boolean;
  /** Returns the container's variables, with the paths of token files below `folder`. */
  env(folder: string): Environment;
};

export type PodIdentityOutcome =
  | { readonly outcome: 'found'; readonly identity: PodIdentity }
  | { readonly outcome: 'no-such-container'; readonly containers: readonly string[] };

/** Variable with the address of the node's Pod Identity agent. */
export const agentVariable = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';

/** Kubernetes' default for a token projection without an expiration. */
const defaultExpirationSeconds = 3600;

/**
 * Returns the identity of the named container (default: the first container, as in kubectl). Omits tokens for the API
 * server, because AWS does not use these tokens. A token is for the API server if its projection names no audience.
 */
export function podIdentity(pod: ExecPod, containerName: string | undefined): PodIdentityOutcome {
  const { containers, volumes = [], serviceAccountName = 'default' } = pod.spec;
  const container =
    containerName === undefined ? containers[0] : containers.find(({ name }) => name === containerName);
  if (container === undefined)
    return { outcome: 'no-such-container', containers: containers.map(({ name }) => name) };

  const moved: { readonly from: string; readonly to: string }[] = [];
  const tokens: NeededToken[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const sources = volumes.find(({ name }) => name === mount.name)?.projected?.sources ?? [];
    for (const { serviceAccountToken: token } of sources) {
      if (token?.audience === undefined) continue;
      const file = `${mount.name}/${token.path}`;
      moved.push({ from: `${mount.mountPath.replace(/\/$/, '')}/${token.path}`, to: file });
      tokens.push({
        audience: token.audience,
        expirationSeconds: token.expirationSeconds ?? defaultExpirationSeconds,
        file,
      });
    }
  }
  return {
    outcome: 'found',
    identity: {
      serviceAccount: serviceAccountName,
      tokens,
      usesAgent: container.env?.some(({ name }) => name === agentVariable) === true,
      env: (folder) =>
        Object.fromEntries(
          (container.env ?? [])
            .filter((variable) => variable.value !== undefined)
            .map(({ name, value = '' }) => {
              const file = moved.find(({ from }) => from === value)?.to;
              return [name, file === undefined ? value : `${folder}/${file}`];
            }),
        ),
    },
  };
}
