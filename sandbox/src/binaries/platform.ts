/** Operating system and processor, in the words of Go, which names all releases. */
export type Platform = { readonly os: 'linux' | 'darwin'; readonly arch: 'amd64' | 'arm64' };

/** @throws Error on a system for which the parts are not made. */
export function platformOf(nodePlatform: string, nodeArch: string): Platform {
  const os = nodePlatform === 'linux' || nodePlatform === 'darwin' ? nodePlatform : undefined;
  const arch = ({ x64: 'amd64', arm64: 'arm64' } as const)[nodeArch as 'x64' | 'arm64'];
  if (os === undefined || arch === undefined) {
    throw new Error(
      `the sandbox runs on Linux and macOS, on x64 and arm64; this is ${nodePlatform} on ${nodeArch}`,
    );
  }
  return { os, arch };
}
