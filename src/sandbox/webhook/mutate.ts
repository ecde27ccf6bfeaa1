/**
 * What amazon-eks-pod-identity-webhook does to a pod, as a pure function. Its behaviour was read off its source
 * (pkg/handler/handler.go and pkg/cache/cache.go), its oddities included: a pod of ours that works in here has to work
 * on EKS.
 */

export type WebhookConfig = {
  /** The region that is written into containers. */
  readonly region: string;
  /** Whether `AWS_STS_REGIONAL_ENDPOINTS=regional` is written where no annotation says otherwise. EKS: true. */
  readonly regionalSts: boolean;
  /** Of tokens, where no annotation says otherwise. EKS: `sts.amazonaws.com`. */
  readonly audience: string;
  /** Seconds, where no annotation says otherwise. EKS: 86400. */
  readonly tokenExpiration: number;
};

export const eksDefaults = {
  regionalSts: true,
  audience: 'sts.amazonaws.com',
  tokenExpiration: 86_400,
} as const satisfies Omit<WebhookConfig, 'region'>;

type Annotated = { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
export type ServiceAccount = Annotated;

export type Container = {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
};

export type Pod = Annotated & {
  readonly spec: {
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly volumes?: readonly { readonly name: string }[];
    readonly nodeSelector?: Readonly<Record<string, string>>;
  };
};

/** RFC 6902. */
export type PatchOperation = { readonly op: 'add'; readonly path: string; readonly value: unknown };

export const volumeName = 'aws-iam-token';
export const mountPath = '/var/run/secrets/eks.amazonaws.com/serviceaccount';
export const tokenFile = `${mountPath}/token`;

/** kube-apiserver issues no token of shorter life. */
const minTokenExpiration = 600;
const annotation = (name: string): string => `eks.amazonaws.com/${name}`;

/**
 * @param serviceAccount As the webhook knows it, which may be older than what the API server has.
 * @returns No operations for a ServiceAccount without a role: the pod stays as it is.
 */
export function mutate(
  pod: Pod,
  serviceAccount: ServiceAccount,
  config: WebhookConfig,
): readonly PatchOperation[] {
  const ofAccount = serviceAccount.metadata?.annotations ?? {};
  const ofPod = pod.metadata?.annotations ?? {};
  const roleArn = ofAccount[annotation('role-arn')] ?? '';
  if (roleArn === '') return [];

  const audience = ofAccount[annotation('audience')] ?? config.audience;
  const regionalSts = parseBoolean(ofAccount[annotation('sts-regional-endpoints')]) ?? config.regionalSts;
  const expirationSeconds =
    parseExpiration(ofPod[annotation('token-expiration')]) ??
    parseExpiration(ofAccount[annotation('token-expiration')]) ??
    config.tokenExpiration;
  const skipped = parseList(ofPod[annotation('skip-containers')]);

  const variables: ContainerVariables = {
    roleArn,
    tokenFile: runsOnWindows(pod) ? `C:${tokenFile.replaceAll('/', '\\')}` : tokenFile,
    region: config.region,
    regionalSts,
  };
  const inject = (container: Container): Container =>
    skipped.has(container.name) ? container : injectContainer(container, variables);

  const volume = {
    name: volumeName,
    projected: { sources: [{ serviceAccountToken: { audience, expirationSeconds, path: 'token' } }] },
  };
  const { volumes, containers, initContainers = [] } = pod.spec;
  return [
    ...(volumes?.some(({ name }) => name === volumeName)
      ? []
      : [
          volumes === undefined
            ? add('/spec/volumes', [volume])
            : // At the front: the operation is valid for an empty list too.
              add('/spec/volumes/0', volume),
        ]),
    add('/spec/containers', containers.map(inject)),
    ...(initContainers.length > 0 ? [add('/spec/initContainers', initContainers.map(inject))] : []),
  ];
}

type ContainerVariables = {
  readonly roleArn: string;
  readonly tokenFile: string;
  readonly region: string;
  readonly regionalSts: boolean;
};

/** A variable that the container sets itself stays, and keeps its partner out too. */
function injectContainer(container: Container, variables: ContainerVariables): Container {
  const env = container.env ?? [];
  const defines = (...names: readonly string[]): boolean => env.some(({ name }) => names.includes(name));
  const hasIdentity = defines('AWS_ROLE_ARN', 'AWS_WEB_IDENTITY_TOKEN_FILE');
  const hasRegion = defines('AWS_REGION', 'AWS_DEFAULT_REGION');
  const hasRegionalSts = defines('AWS_STS_REGIONAL_ENDPOINTS');
  if (hasIdentity && hasRegion && hasRegionalSts) return container;

  const added: { name: string; value: string }[] = [];
  if (!hasRegionalSts && variables.regionalSts)
    added.push({ name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'regional' });
  if (!hasRegion && variables.region !== '') {
    added.push(
      { name: 'AWS_DEFAULT_REGION', value: variables.region },
      { name: 'AWS_REGION', value: variables.region },
    );
  }
  if (!hasIdentity) {
    added.push(
      { name: 'AWS_ROLE_ARN', value: variables.roleArn },
      { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: variables.tokenFile },
    );
  }
  const mounts = container.volumeMounts ?? [];
  return {
    ...container,
    env: [...env, ...added],
    volumeMounts: mounts.some(({ name }) => name === volumeName)
      ? mounts
      : [...mounts, { name: volumeName, readOnly: true, mountPath }],
  };
}

function add(path: string, value: unknown): PatchOperation {
  return { op: 'add', path, value };
}

function runsOnWindows(pod: Pod): boolean {
  const selector = pod.spec.nodeSelector ?? {};
  return selector['kubernetes.io/os'] === 'windows' || selector['beta.kubernetes.io/os'] === 'windows';
}

/** The spellings of Go's `strconv.ParseBool`; anything else is as if it were not there. */
function parseBoolean(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return undefined;
}

function parseExpiration(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?\d+$/.test(text)
    ? Math.max(Number(text), minTokenExpiration)
    : undefined;
}

/** One line of CSV without trimming; what is no CSV skips nothing. */
function parseList(text: string | undefined): ReadonlySet<string> {
  const line = text?.split(/\r?\n/).find((each) => each !== '');
  if (line === undefined) return new Set();
  const fields = line.match(/(?<=^|,)(?:"(?:[^"]|"")*"|[^",]*)(?=,|$)/g) ?? [];
  if (fields.join(',') !== line) return new Set();
  return new Set(
    fields.map((field) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field)),
  );
}
