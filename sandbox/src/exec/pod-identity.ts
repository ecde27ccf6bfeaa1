/**
 * What of a pod's container decides about its AWS identity, made ready for a process that runs outside of it: the
 * container's variables, and the projected tokens, whose files have to lie elsewhere.
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

/** A token to request, and where its file goes below the private folder. */
export type NeededToken = {
  readonly audience: string;
  /** Seconds. */
  readonly expirationSeconds: number;
  /** Relative, with `/`. */
  readonly file: string;
};

export type PodIdentity = {
  readonly serviceAccount: string;
  readonly tokens: readonly NeededToken[];
  /** The container's SDKs ask the Pod Identity agent on their node for credentials. */
  readonly usesAgent: boolean;
  /** The container's variables with the paths of token files below `folder`. */
  env(folder: string): Environment;
};

export type PodIdentityOutcome =
  | { readonly outcome: 'found'; readonly identity: PodIdentity }
  | { readonly outcome: 'no-such-container'; readonly containers: readonly string[] };

/** Where the container's SDKs find the Pod Identity agent on their node. */
export const agentVariable = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';

/** Kubernetes' default for a projection that names none. */
const defaultExpirationSeconds = 3600;

/**
 * Of the first container where none is named, as kubectl does. Tokens for the API server itself are left out: they are
 * none of AWS's, and such a projection names no audience.
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
