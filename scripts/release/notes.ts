/** Notes of a release, taken from the changelog. Pure. */

export type ReleaseInput = {
  /** `v` and the version. */
  readonly tag: string;
  /** Version that each file states, by the file's name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly changelog: string;
};

export function releaseNotes({
  tag,
  versions,
  changelog,
}: ReleaseInput): { readonly notes: string } | { readonly problems: readonly string[] } {
  const version = /^v(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)$/.exec(tag)?.[1];
  if (version === undefined) return { problems: [`the tag "${tag}" is not v and a semantic version`] };
  const section = changelog.split(/^(?=## )/m).find((text) => text.split(/[\s[\]]+/)[1] === version);
  const problems = [
    ...Object.entries(versions).flatMap(([file, stated]) =>
      stated === version ? [] : `the tag is ${tag}, and ${file} states ${stated}`,
    ),
    ...(section === undefined ? [`CHANGELOG.md has no section "## ${version}"`] : []),
  ];
  if (section === undefined || problems.length > 0) return { problems };
  return { notes: section.slice(section.indexOf('\n')).trim() };
}
