/** Programs, each with its version and Go package. To update a program, change this table and `modules/` next to it. */

export const components = {
  kubernetes: { version: '1.36.3', module: 'k8s.io/kubernetes' },
  /** The oldest supported Kubernetes version. When you raise it, also raise `kubeVersion` in the chart. */
  'oldest-kubernetes': { version: '1.30.14', module: 'k8s.io/kubernetes' },
  etcd: { version: '3.7.3', module: 'go.etcd.io/etcd/server/v3' },
  kwok: { version: '0.8.0', module: 'sigs.k8s.io/kwok' },
  helm: { version: '4.3.1', module: 'helm.sh/helm/v4' },
  crane: { version: '0.22.1', module: 'github.com/google/go-containerregistry' },
  actionlint: { version: '1.7.12', module: 'github.com/rhysd/actionlint' },
  hclfmt: { version: '2.25.0', module: 'github.com/hashicorp/hcl/v2' },
} as const;

export type ComponentName = keyof typeof components;

/** Programs that a sandbox runs. */
export const sandboxBinaries = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
  'kwok',
] as const;

/**
 * The programs of a sandbox, and programs that only tests and releases use: the API server of the oldest supported
 * Kubernetes version, Helm for the chart, crane for the image, actionlint for workflows, and hclfmt for the syntax of
 * Terraform files.
 */
export type BinaryName =
  | (typeof sandboxBinaries)[number]
  | 'oldest-kube-apiserver'
  | 'helm'
  | 'crane'
  | 'actionlint'
  | 'hclfmt';

export type Binary = {
  readonly component: ComponentName;
  /** Go package that contains the `main` function. */
  readonly goPackage: string;
  /** Linker flags that embed the version. `-s -w` are set in addition. */
  readonly linkerFlags: readonly string[];
  /** Go build tags. Default: none. */
  readonly tags?: readonly string[];
  /** Arguments that print the version; the output contains the version in {@link components}. */
  readonly versionArgs: readonly string[];
};

/** A Kubernetes program, whose version is set by linker flags. */
function kubernetes(
  name: string,
  versionArgs: readonly string[],
  component: 'kubernetes' | 'oldest-kubernetes' = 'kubernetes',
): Binary {
  const { version } = components[component];
  const [major, minor] = version.split('.');
  const variables = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor };
  return {
    component,
    goPackage: `k8s.io/kubernetes/cmd/${name}`,
    linkerFlags: Object.entries(variables).map(
      ([variable, value]) => `-X k8s.io/component-base/version.${variable}=${value}`,
    ),
    versionArgs,
  };
}

export const binaries: Readonly<Record<BinaryName, Binary>> = {
  etcd: {
    component: 'etcd',
    goPackage: 'go.etcd.io/etcd/server/v3',
    linkerFlags: [],
    versionArgs: ['--version'],
  },
  'kube-apiserver': kubernetes('kube-apiserver', ['--version']),
  'kube-controller-manager': kubernetes('kube-controller-manager', ['--version']),
  'kube-scheduler': kubernetes('kube-scheduler', ['--version']),
  kubectl: kubernetes('kubectl', ['version', '--client']),
  'oldest-kube-apiserver': {
    ...kubernetes('kube-apiserver', ['--version'], 'oldest-kubernetes'),
    // Excludes the clients of cloud providers. The API server contains them up to Kubernetes 1.30, and they double the
    // build time.
    tags: ['providerless'],
  },
  kwok: {
    component: 'kwok',
    goPackage: 'sigs.k8s.io/kwok/cmd/kwok',
    linkerFlags: [`-X sigs.k8s.io/kwok/pkg/consts.Version=v${components.kwok.version}`],
    versionArgs: ['--version'],
  },
  helm: {
    component: 'helm',
    goPackage: 'helm.sh/helm/v4/cmd/helm',
    linkerFlags: [`-X helm.sh/helm/v4/internal/version.version=v${components.helm.version}`],
    versionArgs: ['version', '--short'],
  },
  crane: {
    component: 'crane',
    goPackage: 'github.com/google/go-containerregistry/cmd/crane',
    linkerFlags: [
      `-X github.com/google/go-containerregistry/cmd/crane/cmd.Version=${components.crane.version}`,
    ],
    versionArgs: ['version'],
  },
  actionlint: {
    component: 'actionlint',
    goPackage: 'github.com/rhysd/actionlint/cmd/actionlint',
    linkerFlags: [`-X github.com/rhysd/actionlint.version=${components.actionlint.version}`],
    versionArgs: ['-version'],
  },
  hclfmt: {
    component: 'hclfmt',
    goPackage: 'github.com/hashicorp/hcl/v2/cmd/hclfmt',
    linkerFlags: [],
    versionArgs: ['-version'],
  },
};
