/**
 * Published releases with the digest of each file. Only files with a digest are downloaded; other programs are built
 * from source, with modules that `go.sum` pins. The digests do not come from the servers that host the files, but from
 * the Kubernetes CHANGELOG, the index of envtest releases (kubernetes-sigs/controller-tools), and pin lists of other
 * projects. If a digest was published only for another patch version than the one that is built from source
 * (`parts.ts`), the release has that patch version.
 */
import type { OuterEnvironment } from '../environment.ts';
import { type BinaryName, components } from './parts.ts';
import type { Platform } from './platform.ts';

export type Release = {
  readonly url: string;
  /** Hexadecimal digest, SHA-256 or SHA-512 depending on its length. */
  readonly digest: string;
  /** Version of the program. */
  readonly version: string;
  /** Name of the program in a `.tar.gz`; undefined if the file is the program itself. */
  readonly member: string | undefined;
};

type PlatformName = `${Platform['os']}-${Platform['arch']}`;
type Digests = Partial<Record<PlatformName, string>>;

/**
 * URLs of the publishers, and the environment variables that replace each URL by the URL of a mirror. The digests apply
 * to mirrors too.
 */
const bases = {
  KON_MIRROR_KUBERNETES: 'https://dl.k8s.io',
  KON_MIRROR_ENVTEST: 'https://github.com/kubernetes-sigs/controller-tools/releases/download',
  KON_MIRROR_KWOK: 'https://github.com/kubernetes-sigs/kwok/releases/download',
} as const;

type Source = {
  readonly names: readonly BinaryName[];
  readonly base: keyof typeof bases;
  readonly version: string;
  readonly path: (platform: Platform, name: BinaryName) => string;
  readonly archive: boolean;
  /** Name of the program in the archive. Default: the name in `names`. */
  readonly member?: string;
  readonly digests: Digests;
};

const envtest = '1.36.2';
const oldestEnvtest = '1.30.3';
const server = '1.36.0';

/** Sources in order of preference: the first source that has the program for the platform is used. */
const sources: readonly Source[] = [
  {
    names: ['kubectl'],
    base: 'KON_MIRROR_KUBERNETES',
    version: components.kubernetes.version,
    path: ({ os, arch }, name) => `v${components.kubernetes.version}/bin/${os}/${arch}/${name}`,
    archive: false,
    digests: {
      'linux-amd64': 'ebbd080e7c2e275093b55915722043257eb24004363e20acb3c4d71919f88336',
      'linux-arm64': '3d86f24401c41ae5a46ac50eef8865fe891d3647d324a0836f6c63757a126e62',
      'darwin-amd64': '158b3b46cf74e8b6bd9b1d7cd30f665e3efb2bc1ec3c843ec925bcfdd2930de0',
      'darwin-arm64': 'fc8582acde13869a606730a79379d6515f30c68afcced0b5ac8789d5d002b7d6',
    },
  },
  {
    names: ['kwok'],
    base: 'KON_MIRROR_KWOK',
    version: components.kwok.version,
    path: ({ os, arch }) => `v${components.kwok.version}/kwok-${os}-${arch}`,
    archive: false,
    digests: { 'linux-amd64': 'f5a4385a2ae1b9dd7f8acae18e002a75c0ebba124ae9d7259aa8dadb50711f46' },
  },
  {
    // kube-apiserver and etcd for tests, published by controller-tools.
    names: ['etcd', 'kube-apiserver'],
    base: 'KON_MIRROR_ENVTEST',
    version: envtest,
    path: ({ os, arch }) => `envtest-v${envtest}/envtest-v${envtest}-${os}-${arch}.tar.gz`,
    archive: true,
    digests: {
      'linux-amd64':
        'ea743186c8a799f5cf8faf16969f86189d003cb7d130e0ac4b58789f1e5748dcf30ebe91c837a10d5ac415383da3e10b9e64d65785c938c23e739781cfb76f08',
      'linux-arm64':
        '2d72ee985a8e262a3c57dc9f7f0fd891f6a8c7bf7ebaa2db6dc6d8eac8ae28181afe51c1f368b67756cdb40b10de9b205609e1726e5f27f7c6d824dd9c6649ac',
      'darwin-amd64':
        'b4fe9f973cd1992e3880f8b230ed32c0c243b83371591e3e3315f4404df2cdbef8ee94eeb9bb245b7e5feb987d5c4a76c43e0877654ab73f00d7bbc2b9984514',
      'darwin-arm64':
        '9278f9e5af556b2f1f2d139769c1f0d717c7b4426917fdebdba898bcb725a916e4910d6160886194ff9be9589ea7c5c32c2b8ae0754703874b7c8ba8ddfc41ce',
    },
  },
  {
    names: ['oldest-kube-apiserver'],
    base: 'KON_MIRROR_ENVTEST',
    version: oldestEnvtest,
    path: ({ os, arch }) => `envtest-v${oldestEnvtest}/envtest-v${oldestEnvtest}-${os}-${arch}.tar.gz`,
    archive: true,
    member: 'kube-apiserver',
    digests: {
      'linux-amd64':
        '0e5948511e35156e8aba263fd878983b11aad82d0f74b5507a9804b9d101583f1c484281690c6ff1a3678ed038c874915592759374084b78b57ade3dd1266c1d',
      'linux-arm64':
        'b25c45d4737922e12343344b2824d2681c0066f92242d59bb9ca2f3d15253f1b0eaa88f565d98fc6fcb0df24e679169ed0ecdc47782a4e2587dde76b19abbb0d',
      'darwin-amd64':
        '5635beb6e08a228318a43d9df27ba92879c8ce553a396e18330632b85b4724b3f2c49cb41c550c1629906f583bb3326f977c74145726b8727c846d14363d3373',
      'darwin-arm64':
        '878eed3016fbc505cab310b49be2badb2db88eaaa02fa21c448c0ff596d5cfd28f94db29432050eb27f1a7afea71157edcb4fe6148f28e63bf4668ab7d5d8b5b',
    },
  },
  {
    // The whole server archive, at least 300 MB. Of the files that contain the controllers, the changelog lists a
    // digest only for this archive.
    names: ['kube-controller-manager', 'kube-scheduler'],
    base: 'KON_MIRROR_KUBERNETES',
    version: server,
    path: ({ os, arch }) => `v${server}/kubernetes-server-${os}-${arch}.tar.gz`,
    archive: true,
    digests: {
      'linux-amd64':
        '1c64da92575451c2c7ff97c79b772e603995f8e76da1371a6b0746aaa27b65dce81c4d734cbb50f40e71486a8e08df36f14e12974f97d4d29e41f23a172a6a25',
      'linux-arm64':
        '7f95e451baedd9368a2fa637afa84c9ed1b958736540ca27a379e5e292e1a10c5d9a29539f833047574bf5d3b6f907f32dee5735acecc11aa4686f078108dcf8',
    },
  },
];

/** Returns the release file of a program; undefined if no file is pinned for the platform. */
export function releaseOf(name: BinaryName, platform: Platform, env: OuterEnvironment): Release | undefined {
  for (const source of sources) {
    const digest = source.digests[`${platform.os}-${platform.arch}`];
    if (!source.names.includes(name) || digest === undefined) continue;
    const base = env[source.base] ?? bases[source.base];
    return {
      url: `${base}/${source.path(platform, name)}`,
      digest,
      version: source.version,
      member: source.archive ? (source.member ?? name) : undefined,
    };
  }
  return undefined;
}
