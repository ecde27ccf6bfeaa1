/**
 * Mutation of a pod by amazon-eks-pod-identity-webhook, as a pure function. The function follows the webhook's source
 * (pkg/handler/handler.go, pkg/cache/cache.go and pkg/containercredentials/config.go) in every detail, so that a pod
 * that works here works on EKS too.
 */

export type WebhookConfig = {
  /** Region that is injected into containers. */
  readonly region: string;
  /**
   * Whether `AWS_STS_REGIONAL_ENDPOINTS=regional` is injected if the ServiceAccount has no annotation for it. Value on
   * EKS: true.
   */
  readonly regionalSts: boolean;
  /** Audience of tokens if the ServiceAccount has no annotation for it. Value on EKS: `sts.amazonaws.com`. */
  readonly audience: string;
  /**
   * Lifetime of tokens in seconds if neither the pod nor the ServiceAccount has an annotation for it. Value on EKS:
   * 86400.
   */
  readonly tokenExpiration: number;
  /** Settings for pods whose ServiceAccount has a Pod Identity association. */
  readonly containerCredentials: {
    readonly fullUri: string;
    readonly audience: string;
    readonly mountPath: string;
    readonly volumeName: string;
    readonly tokenPath: string;
  };
};

/** Defaults of the webhook's flags (main.go). EKS does not change these defaults. */
export const eksDefaults = {
  regionalSts: true,
  audience: 'sts.amazonaws.com',
  tokenExpiration: 86_400,
  containerCredentials: {
    fullUri: 'http://169.254.170.23/v1/credentials',
    audience: 'pods.eks.amazonaws.com',
    mountPath: '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount',
    volumeName: 'eks-pod-identity-token',
    tokenPath: 'eks-pod-identity-token',
  },
} as const satisfies Omit<WebhookConfig, 'region'>;

type Annotated = {
  readonly metadata?: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
};
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

/** A Pod Identity association of the pod's ServiceAccount. */
export type Association = {
  /** Random number for the webhook's jitter of the token lifetime: 0 (included) to 1 (excluded). */
  readonly random: () => number;
};

/** JSON Patch operation (RFC 6902). */
export type PatchOperation = { readonly op: 'add'; readonly path: string; readonly value: unknown };

const volumeName = 'aws-iam-token';
const mountPath = '/var/run/secrets/eks.amazonaws.com/serviceaccount';

/** Shortest token lifetime that kube-apiserver accepts, in seconds. */
const minTokenExpiration = 600n;
/** Default lifetime of a token, in seconds: the constant `DefaultTokenExpiration` in the webhook's pkg/constants.go. */
const defaultTokenExpiration = 86_400;
/**
 * Shortest lifetime that jitter can produce, in seconds: the constant `DefaultMinTokenExpiration` in the webhook's
 * pkg/constants.go.
 */
const minJitteredExpiration = 79_200;
const annotation = (name: string): string => `eks.amazonaws.com/${name}`;

/**
 * @param serviceAccount ServiceAccount in the webhook's cache, possibly older than in the API server; undefined if the
 *   ServiceAccount is not cached
 * @param association Pod Identity association of the ServiceAccount, if the webhook has one; takes precedence over the
 *   role in the annotation
 * @returns no operations for a ServiceAccount without role and association: the pod stays unchanged
 */
export function mutate(
  pod: Pod,
  serviceAccount: ServiceAccount | undefined,
  config: WebhookConfig,
  association?: Association,
): readonly PatchOperation[] {
  const ofAccount = serviceAccount?.metadata?.annotations ?? {};
  const ofPod = pod.metadata?.annotations ?? {};
  const roleArn = ofAccount[annotation('role-arn')] ?? '';
  if (roleArn === '' && !association) return [];

  const source: TokenSource = association
    ? config.containerCredentials
    : {
        audience: ofAccount[annotation('audience')] ?? config.audience,
        volumeName,
        mountPath,
        tokenPath: 'token',
      };
  const file = `${source.mountPath}/${source.tokenPath}`;
  const path = runsOnWindows(pod) ? `C:${file.replaceAll('/', '\\')}` : file;
  // Follows the webhook's GetCommonConfigurations: a ServiceAccount that is not cached gets no settings, not even the
  // defaults of the flags.
  const regionalSts =
    serviceAccount !== undefined &&
    (parseBoolean(ofAccount[annotation('sts-regional-endpoints')]) ?? config.regionalSts);
  const expiration =
    parseExpiration(ofPod[annotation('token-expiration')]) ??
    parseExpiration(ofAccount[annotation('token-expiration')]) ??
    BigInt(serviceAccount === undefined ? defaultTokenExpiration : config.tokenExpiration);
  const expirationSeconds = jsonInteger(association ? withJitter(expiration, association) : expiration);
  const skipped = parseList(ofPod[annotation('skip-containers')]);

  const variables: ContainerVariables = {
    identity: association
      ? [
          { name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: config.containerCredentials.fullUri },
          { name: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', value: path },
        ]
      : [
          { name: 'AWS_ROLE_ARN', value: roleArn },
          { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: path },
        ],
    mount: { name: source.volumeName, readOnly: true, mountPath: source.mountPath },
    region: config.region,
    regionalSts,
  };
  const inject = (container: Container): Container =>
    skipped.has(container.name) ? container : injectContainer(container, variables);

  const token = { audience: source.audience, expirationSeconds, path: source.tokenPath };
  const volume = {
    name: source.volumeName,
    projected: { sources: [{ serviceAccountToken: token }] },
  };
  const { volumes, containers, initContainers = [] } = pod.spec;
  return [
    ...(association ? [label(pod)] : []),
    ...(volumes?.some(({ name }) => name === source.volumeName)
      ? []
      : [
          volumes === undefined
            ? add('/spec/volumes', [volume])
            : // Adds the volume at index 0, because index 0 is valid for an empty list too.
              add('/spec/volumes/0', volume),
        ]),
    add('/spec/containers', containers.map(inject)),
    ...(initContainers.length > 0 ? [add('/spec/initContainers', initContainers.map(inject))] : []),
  ];
}

type TokenSource = Omit<WebhookConfig['containerCredentials'], 'fullUri'>;

type ContainerVariables = {
  readonly identity: readonly { readonly name: string; readonly value: string }[];
  readonly mount: { readonly name: string; readonly readOnly: boolean; readonly mountPath: string };
  readonly region: string;
  readonly regionalSts: boolean;
};

/**
 * Returns the operation that adds the label for pods with an identity by association. Other pods do not get this label.
 */
function label(pod: Pod): PatchOperation {
  return pod.metadata?.labels === undefined
    ? add('/metadata/labels', { 'eks.amazonaws.com/pod-identity': 'enabled' })
    : add('/metadata/labels/eks.amazonaws.com~1pod-identity', 'enabled');
}

/**
 * Does not inject a variable that the container sets itself. Variables come in pairs: if the container sets one
 * variable of a pair, the other variable is not injected either.
 */
function injectContainer(container: Container, variables: ContainerVariables): Container {
  const env = container.env ?? [];
  const defines = (...names: readonly string[]): boolean => env.some(({ name }) => names.includes(name));
  const hasIdentity = defines(...variables.identity.map(({ name }) => name));
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
  if (!hasIdentity) added.push(...variables.identity);
  const mounts = container.volumeMounts ?? [];
  return {
    ...container,
    env: [...env, ...added],
    volumeMounts: mounts.some(({ name }) => name === variables.mount.name)
      ? mounts
      : [...mounts, variables.mount],
  };
}

function add(path: string, value: unknown): PatchOperation {
  return { op: 'add', path, value };
}

function runsOnWindows(pod: Pod): boolean {
  const selector = pod.spec.nodeSelector ?? {};
  return selector['kubernetes.io/os'] === 'windows' || selector['beta.kubernetes.io/os'] === 'windows';
}

/** Parses a boolean as Go's `strconv.ParseBool` does; undefined for any other text. */
function parseBoolean(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return undefined;
}

/** Parses an integer as Go's `strconv.ParseInt(text, 10, 64)` does; undefined if Go's parser fails. */
function parseExpiration(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  if (BigInt.asIntN(64, value) !== value) return undefined;
  return value < minTokenExpiration ? minTokenExpiration : value;
}

/**
 * Like the EKS webhook, adds jitter if the token lifetime equals the default, even if the lifetime was requested
 * explicitly.
 */
function withJitter(expiration: bigint, { random }: Association): bigint {
  if (expiration !== BigInt(defaultTokenExpiration)) return expiration;
  const choices = defaultTokenExpiration - minJitteredExpiration + 1;
  return BigInt(minJitteredExpiration + Math.floor(random() * choices));
}

// Every supported Node.js version has this function, but TypeScript's ECMAScript types do not include it yet:
// https://github.com/tc39/proposal-json-parse-with-source
const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/**
 * Serializes a token lifetime exactly, even if it exceeds the range of a JavaScript number. The API server then refuses
 * the lifetime.
 */
function jsonInteger(value: bigint): unknown {
  return Number.isSafeInteger(Number(value)) ? Number(value) : rawJson(String(value));
}

/** Parses the fields of the first record as Go's `encoding/csv` does; empty if Go's parser fails. */
function parseList(text: string | undefined): ReadonlySet<string> {
  const lines = (text ?? '').replaceAll('\r\n', '\n').replace(/\r$/, '').replace(/^\n+/, '');
  const fields: string[] = [];
  const field = /"((?:[^"]|"")*)"(,|\n|$)|([^",\n]*)(,|\n|$)/y;
  if (lines === '') return new Set();
  for (;;) {
    const match = field.exec(lines);
    if (!match) return new Set();
    const [, quoted, afterQuoted, bare = '', afterBare] = match;
    fields.push(quoted?.replaceAll('""', '"') ?? bare);
    if ((afterQuoted ?? afterBare) !== ',') return new Set(fields);
  }
}
