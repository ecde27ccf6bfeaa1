/**
 * Homebrew formula for the single-file executables of a release (https://docs.brew.sh/Formula-Cookbook). All functions
 * are pure.
 */

export const executables = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'] as const;
export type ExecutablePlatform = (typeof executables)[number];

export function formula(input: {
  readonly version: string;
  /** GitHub repository in the form `OWNER/NAME`. */
  readonly repository: string;
  readonly description: string;
  /** SHA-256 of each executable, hexadecimal. */
  readonly digests: Readonly<Record<ExecutablePlatform, string>>;
}): string {
  const { version, repository, description, digests } = input;
  const source = (platform: ExecutablePlatform): string =>
    [
      `      url "https://github.com/${repository}/releases/download/v${version}/kon-${platform}"`,
      `      sha256 "${digests[platform]}"`,
    ].join('\n');
  const system = (name: 'macos' | 'linux', arm: ExecutablePlatform, intel: ExecutablePlatform): string =>
    `  on_${name} do\n    on_arm do\n${source(arm)}\n    end\n    on_intel do\n${source(intel)}\n    end\n  end\n`;
  return `class Konstellation < Formula
  desc "${description}"
  homepage "https://github.com/${repository}"
  version "${version}"
  license "Apache-2.0"

${system('macos', 'darwin-arm64', 'darwin-x64')}
${system('linux', 'linux-arm64', 'linux-x64')}
  def install
    bin.install Dir["kon-*"].first => "kon"
    bin.install_symlink "kon" => "kubectl-kon"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/kon version --client")
  end
end
`;
}
