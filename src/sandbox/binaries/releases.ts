/**
 * Where published releases lie, and the SHA-256 each file must have. A file without a checksum here is not downloaded
 * at all: it is built from source, whose modules `go.sum` pins. To add one, take it from the release's own `.sha256` file
 * or its changelog, never from the same place and moment as the file.
 */
import type { OuterEnvironment } from '../environment.ts';
import { type BinaryName, components } from './parts.ts';
import type { Platform } from './platform.ts';

export type Release = {
  readonly url: string;
  /** Hexadecimal. */
  readonly sha256: string;
};

type PlatformName = `${Platform['os']}-${Platform['arch']}`;

const checksums: Partial<Record<BinaryName, Partial<Record<PlatformName, string>>>> = {
  kubectl: {
    'linux-amd64': 'ebbd080e7c2e275093b55915722043257eb24004363e20acb3c4d71919f88336',
    'linux-arm64': '3d86f24401c41ae5a46ac50eef8865fe891d3647d324a0836f6c63757a126e62',
    'darwin-amd64': '158b3b46cf74e8b6bd9b1d7cd30f665e3efb2bc1ec3c843ec925bcfdd2930de0',
    'darwin-arm64': 'fc8582acde13869a606730a79379d6515f30c68afcced0b5ac8789d5d002b7d6',
  },
  kwok: {
    'linux-amd64': 'f5a4385a2ae1b9dd7f8acae18e002a75c0ebba124ae9d7259aa8dadb50711f46',
  },
};

const defaultKubernetesBase = 'https://dl.k8s.io';
const defaultKwokBase = 'https://github.com/kubernetes-sigs/kwok/releases/download';

/**
 * The release file of a program, or undefined where none is pinned for the platform.
 * `KON_MIRROR_KUBERNETES` and `KON_MIRROR_KWOK` stand in for the publishers' addresses; the checksum stays.
 */
export function releaseOf(name: BinaryName, platform: Platform, env: OuterEnvironment): Release | undefined {
  const { os, arch } = platform;
  const sha256 = checksums[name]?.[`${os}-${arch}`];
  if (sha256 === undefined) return undefined;
  if (name === 'kwok') {
    const base = env['KON_MIRROR_KWOK'] ?? defaultKwokBase;
    return { url: `${base}/v${components.kwok.version}/kwok-${os}-${arch}`, sha256 };
  }
  const base = env['KON_MIRROR_KUBERNETES'] ?? defaultKubernetesBase;
  return { url: `${base}/v${components.kubernetes.version}/bin/${os}/${arch}/${name}`, sha256 };
}
