import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
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

it('release notes are the section of the changelog for the tag', () => {
  expect(releaseNotes({ tag: 'v1.2.0', versions, changelog })).toEqual({ notes: '### Added\n\n- One.' });
  expect(releaseNotes({ tag: 'v1.1.0', versions: {}, changelog })).toEqual({ notes: '- Two.' });
});

it('release notes are refused if a file states another version or the changelog has no section', () => {
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

it('release notes are refused if the section of the changelog has no date', () => {
  expect(
    releaseNotes({
      tag: 'v1.2.0',
      versions,
      changelog: changelog.replace('1.2.0 - 2026-11-29', '1.2.0 (not yet released)'),
    }),
  ).toEqual({
    problems: ['CHANGELOG.md states that 1.2.0 is not yet released: write the date into its heading'],
  });
});

it('release notes have absolute links instead of relative links, and keep other links', () => {
  const linkBase = 'https://github.com/owner/name/blob/v1.2.0';
  const links = '[a](docs/a.md#b) [c](https://example.com) [d](#d)';
  expect(
    releaseNotes({ tag: 'v1.2.0', versions, changelog: changelog.replace('One.', links), linkBase }),
  ).toEqual({
    notes: `### Added\n\n- [a](${linkBase}/docs/a.md#b) [c](https://example.com) [d](#d)`,
  });
});

it('the changelog has a section for the version that package.json and the chart state', () => {
  const root = join(import.meta.dirname, '../..');
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { version: string };
  const chart = parse(read('charts/konstellation/Chart.yaml')) as { version: string; appVersion: string };
  const dated = read('CHANGELOG.md').replace('(not yet released)', '- 2026-11-29');
  const result = releaseNotes({
    tag: `v${version}`,
    versions: { chart: chart.version, appVersion: chart.appVersion },
    changelog: dated,
  });
  expect(result).toEqual({ notes: expect.stringContaining('### ') as string });
});

it('release notes are refused for a tag that is not a semantic version', () => {
  for (const tag of ['', '1.2.0', 'v1.2', 'v1.2.0; rm', 'vUnreleased'])
    expect(releaseNotes({ tag, versions, changelog })).toEqual({
      problems: [`the tag "${tag}" is not v and a semantic version`],
    });
});

it('the Homebrew formula contains the URL and the digest of each executable', () => {
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
