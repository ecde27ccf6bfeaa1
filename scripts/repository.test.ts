/**
 * Checks that references in the files that build, release and maintain the repository resolve to existing files, scripts and
 * headings.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { components } from '../sandbox/src/binaries/parts.ts';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

type Step = {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
};
type Job = {
  readonly uses?: string;
  readonly environment?: string | { readonly name: string };
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
  readonly steps?: readonly Step[];
};
type Workflow = {
  readonly on: unknown;
  readonly permissions?: object;
  readonly jobs: Readonly<Record<string, Job>>;
};

const workflows = readdirSync(join(root, '.github/workflows')).map((name) => {
  const path = `.github/workflows/${name}`;
  return { name, text: read(path), workflow: parse(read(path)) as Workflow };
});
const jobs = workflows.flatMap(({ name, workflow }) =>
  Object.entries(workflow.jobs).map(([key, job]) => ({ title: `${name} ${key}`, name, job })),
);
const commands = jobs.flatMap(({ title, job }) =>
  (job.steps ?? []).flatMap(({ run }) => (run === undefined ? [] : [{ title, run }])),
);

it('workflows call only scripts, make targets and npm scripts that exist', () => {
  const targets = new Set(
    Array.from(read('Makefile').matchAll(/^([a-z-]+):/gm), ([, target = '']) => target),
  );
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> };
  const called = { script: 0, target: 0, npm: 0 };
  for (const { title, run } of commands) {
    for (const [, script = ''] of run.matchAll(/\bnode (\S+)/g)) {
      called.script += 1;
      expect(existsSync(join(root, script)), `${title}: ${script}`).toBe(true);
    }
    for (const [, target = ''] of run.matchAll(/\bmake (\S+)/g)) {
      called.target += 1;
      expect(targets, title).toContain(target);
    }
    for (const [, script = ''] of run.matchAll(/\bnpm run (\S+)/g)) {
      called.npm += 1;
      expect(Object.keys(scripts), title).toContain(script);
    }
  }
  for (const count of Object.values(called)) expect(count).toBeGreaterThan(0);
});

it('workflows pin each action by the digest of a commit, and name its version', () => {
  const lines = workflows.flatMap(({ text }) => text.split('\n').filter((line) => /\buses:/.test(line)));
  expect(lines.length).toBeGreaterThan(20);
  for (const line of lines)
    expect(line).toMatch(
      /uses: (?:\.\/\.github\/workflows\/[a-z]+\.yml|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/,
    );
  // All workflows must use the same digest of an action, so that an update cannot miss a job.
  const used = new Set(lines.flatMap((line) => /uses: (\S+@\S+)/.exec(line)?.[1] ?? []));
  const actions = new Set(Array.from(used, (name) => name.split('@', 1)[0]));
  expect(used.size).toBe(actions.size);
});

it('workflows grant no permissions by default, and each job lists its permissions and has a time limit', () => {
  for (const { name, workflow } of workflows) expect(workflow.permissions, name).toEqual({});
  for (const { title, job } of jobs) {
    expect(job.permissions?.['contents'], title).toBeDefined();
    if (job.uses === undefined) expect(job['timeout-minutes'], title).toBeGreaterThan(0);
  }
});

it('workflows write to registries, releases and the docs site only from a protected environment, and never for a pull request', () => {
  const writing = jobs.filter(({ job }) => Object.values(job.permissions ?? {}).includes('write'));
  expect(
    writing.map(({ title, job: { environment } }) => [
      title,
      typeof environment === 'object' ? environment.name : environment,
    ]),
  ).toEqual([
    ['release.yml image', 'release'],
    ['release.yml chart', 'release'],
    ['release.yml npm', 'release'],
    ['release.yml github', 'release'],
    ['release.yml pages', 'github-pages'],
  ]);
  const release = workflows.find(({ name }) => name === 'release.yml');
  expect(release?.workflow.on).toEqual({ push: { tags: ['v*'] } });
});

it('workflows fetch the whole Git history for tests that upgrade from an earlier revision', () => {
  const checkouts = jobs
    .filter(({ job }) => (job.steps ?? []).some(({ run }) => /^make (?:test|matrix)$/.test(run ?? '')))
    .map(({ job }) => job.steps?.find(({ uses }) => uses?.startsWith('actions/checkout@')));
  expect(checkouts.length).toBeGreaterThan(1);
  for (const checkout of checkouts) expect(checkout?.with?.['fetch-depth']).toBe(0);
});

it('workflows leave no checkout credentials to later steps', () => {
  const checkouts = workflows.flatMap(({ text }) => text.match(/actions\/checkout@/g) ?? []);
  const without = workflows.flatMap(({ text }) => text.match(/persist-credentials: false/g) ?? []);
  expect(checkouts.length).toBeGreaterThan(0);
  expect(without).toHaveLength(checkouts.length);
});

it('workflows put no value of an event into a shell command, which could execute the value as code', () => {
  for (const { title, run } of commands)
    for (const [expression] of run.matchAll(/\$\{\{[^}]*\}\}/g))
      expect(expression, title).toContain('matrix.');
});

it('dependency updates cover each folder that has a manifest', () => {
  type Update = { 'package-ecosystem': string; directory?: string; directories?: string[] };
  const { updates } = parse(read('.github/dependabot.yml')) as { updates: readonly Update[] };
  const listed = (ecosystem: string): readonly string[] =>
    updates
      .filter((update) => update['package-ecosystem'] === ecosystem)
      .flatMap(({ directory, directories = [] }) => [
        ...(directory === undefined ? [] : [directory]),
        ...directories,
      ])
      .toSorted();
  const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
  const foldersOf = (name: string): readonly string[] =>
    files
      .filter((file) => file === name || file.endsWith(`/${name}`))
      .map((file) => `/${dirname(file)}`.replace(/^\/\.$/, '/'))
      .toSorted();
  expect(listed('gomod')).toEqual(foldersOf('go.mod'));
  expect(listed('npm')).toEqual(foldersOf('package-lock.json'));
  expect(listed('pip')).toEqual(foldersOf('requirements.txt'));
  expect(listed('docker')).toEqual(foldersOf('Dockerfile'));
  expect(listed('github-actions')).toEqual(['/']);
});

it('the chart and the upgrade guide state the Kubernetes versions that the tests run on', () => {
  const minor = (name: 'kubernetes' | 'oldest-kubernetes'): string =>
    components[name].version.split('.').slice(0, 2).join('.');
  const oldest = minor('oldest-kubernetes');
  const newest = minor('kubernetes');
  const { kubeVersion } = parse(read('charts/konstellation/Chart.yaml')) as { kubeVersion: string };
  expect(kubeVersion).toBe(`>=${oldest}.0-0`);
  const guide = read('docs/guides/upgrade.md');
  expect(guide).toContain(`| Kubernetes | ${oldest} to ${newest}, see`);
  expect(guide).toContain(`\n| ${oldest} (oldest) |`);
  expect(guide).toContain(`\n| ${newest} (newest) |`);
});

it('issue forms have the fields that GitHub requires', () => {
  const forms = readdirSync(join(root, '.github/ISSUE_TEMPLATE')).filter((name) => name !== 'config.yml');
  expect(forms).toEqual(['bug.yml', 'feature.yml']);
  for (const name of forms) {
    type Element = {
      type: string;
      id?: string;
      attributes: { label?: string; value?: string; options?: unknown[] };
    };
    const form = parse(read(`.github/ISSUE_TEMPLATE/${name}`)) as {
      name?: string;
      description?: string;
      body: Element[];
    };
    expect(form.name).toBeDefined();
    expect(form.description).toBeDefined();
    const inputs = form.body.filter(({ type }) => type !== 'markdown');
    expect(new Set(inputs.map(({ id }) => id)).size).toBe(inputs.length);
    for (const { type, attributes } of inputs) {
      expect(attributes.label, name).toBeDefined();
      for (const option of type === 'dropdown' ? (attributes.options ?? []) : [])
        expect(typeof option).toBe('string');
    }
    for (const { type, attributes } of form.body)
      if (type === 'markdown') expect(attributes.value).toBeDefined();
  }
});

it('documents link only to files and headings that exist', () => {
  const documents = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
    .trim()
    .split('\n');
  const prose = (path: string): string =>
    read(path)
      .replaceAll(/^ *```[\s\S]*?^ *```/gm, '')
      .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ''));
  /**
   * Derives anchors from headings as GitHub does:
   * https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
   */
  const anchorsOf = (path: string): readonly string[] => {
    const seen = new Map<string, number>();
    return Array.from(prose(path).matchAll(/^#+ (.+)$/gm), ([, heading = '']) => {
      const anchor = heading
        .toLowerCase()
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-');
      const count = seen.get(anchor) ?? 0;
      seen.set(anchor, count + 1);
      return count === 0 ? anchor : `${anchor}-${count}`;
    });
  };
  const broken: string[] = [];
  let links = 0;
  for (const path of documents)
    for (const [, target = ''] of prose(path).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links += 1;
      const [file = '', anchor] = target.split('#');
      const linked = file === '' ? path : join(dirname(path), file);
      if (!existsSync(join(root, linked))) broken.push(`${path}: ${target}`);
      else if (anchor !== undefined && linked.endsWith('.md') && !anchorsOf(linked).includes(anchor))
        broken.push(`${path}: ${target} is no heading`);
    }
  expect(links).toBeGreaterThan(100);
  expect(broken).toEqual([]);
});
