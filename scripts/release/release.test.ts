import { expect, it } from 'vitest';
import { executables, formula } from './formula.ts';
import { releaseNotes } from './notes.ts';

const changelog = `# Changelog

## Unreleased

- Later.

## 1.2.0 - 2026-11-29

### Added

- One.

## 1.1.0

- Two.
`;
const versions = { 'package.json': '1.2.0', 'Chart.yaml': '1.2.0' };

it('prints the section of the changelog that a tag names', () => {
  expect(releaseNotes({ tag: 'v1.2.0', versions, changelog })).toEqual({ notes: '### Added\n\n- One.' });
  expect(releaseNotes({ tag: 'v1.1.0', versions: {}, changelog })).toEqual({ notes: '- Two.' });
});

it('refuses a release whose files state other versions, or that the changelog lacks', () => {
  expect(releaseNotes({ tag: 'v1.1.0', versions, changelog })).toEqual({
    problems: [
      'the tag is v1.1.0, and package.json states 1.2.0',
      'the tag is v1.1.0, and Chart.yaml states 1.2.0',
    ],
  });
  expect(releaseNotes({ tag: 'v1.3.0', versions: {}, changelog })).toEqual({
    problems: ['CHANGELOG.md has no section "## 1.3.0"'],
  });
});

it('refuses a tag that is not a semantic version', () => {
  for (const tag of ['', '1.2.0', 'v1.2', 'v1.2.0; rm', 'vUnreleased'])
    expect(releaseNotes({ tag, versions, changelog })).toEqual({
      problems: [`the tag "${tag}" is not v and a semantic version`],
    });
});

it('writes a formula of Homebrew with the address and the digest of each executable', () => {
  const digests = Object.fromEntries(
    executables.map((platform, index) => [platform, `${index}`.repeat(64)]),
  ) as Record<(typeof executables)[number], string>;
  const text = formula({ version: '1.2.0', repository: 'owner/name', description: 'Short', digests });
  for (const platform of executables)
    expect(text).toContain(
      `      url "https://github.com/owner/name/releases/download/v1.2.0/kon-${platform}"\n      sha256 "${digests[platform]}"\n`,
    );
  expect(text.match(/\bdo\b|\bdef\b|^class\b/gm)).toHaveLength(text.match(/\bend\b/g)?.length ?? 0);
});
