/** Operating system and architecture in Go's names. The files of all downloaded releases use these names. */
export type Platform = { readonly os: 'linux' | 'darwin'; readonly arch: 'amd64' | 'arm64' };

/** @throws Error on an unsupported system */
export function platformOf(nodePlatform: string, nodeArch: string): Platform {
  const os = nodePlatform === 'linux' || nodePlatform === 'darwin' ? nodePlatform : undefined;
  const arch = ({ x64: 'amd64', arm64: 'arm64' } as const)[nodeArch as 'x64' | 'arm64'];
  if (os === undefined || arch === undefined) {
    throw new Error(
      `the sandbox runs on Linux and macOS, on x64 and arm64; this machine runs ${nodePlatform} on ${nodeArch}`,
    );
  }
  return { os, arch };
}
