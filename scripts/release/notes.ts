/** Extracts the notes of a release from the changelog. All functions are pure. */

export type ReleaseInput = {
  /** Git tag of the release: `v` followed by the version. */
  readonly tag: string;
  /** Version in each file, keyed by file name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly changelog: string;
  /** Prefix for relative links, because the page of a release has another address than the changelog. Default: none. */
  readonly linkBase?: string;
};

/** Heading of a version without a date. A release replaces it, see docs/releasing.md. */
const undated = /^## .*not yet released/;

export function releaseNotes({
  tag,
  versions,
  changelog,
  linkBase,
}: ReleaseInput): { readonly notes: string } | { readonly problems: readonly string[] } {
  const version = /^v(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)$/.exec(tag)?.[1];
  if (version === undefined) return { problems: [`the tag "${tag}" is not v and a semantic version`] };
  const section = changelog.split(/^(?=## )/m).find((text) => text.split(/[\s[\]]+/)[1] === version);
  const problems = [
    ...Object.entries(versions).flatMap(([file, stated]) =>
      stated === version ? [] : `the tag is ${tag}, and ${file} states ${stated}`,
    ),
    ...(section === undefined ? [`CHANGELOG.md has no section "## ${version}"`] : []),
    ...(section !== undefined && undated.test(section)
      ? [`CHANGELOG.md states that ${version} is not yet released: write the date into its heading`]
      : []),
  ];
  if (section === undefined || problems.length > 0) return { problems };
  const notes = section.slice(section.indexOf('\n')).trim();
  return {
    notes: linkBase === undefined ? notes : notes.replaceAll(/\]\((?![a-z]+:|#)/g, `](${linkBase}/`),
  };
}
