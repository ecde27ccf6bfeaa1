/** Arguments of each command, for tests that call all commands. These tests fail if a command is missing here. */

type Invocation = {
  /** Arguments after the words of the command. */
  readonly args: readonly string[];
  /** System that the command must reach before the command can do anything. */
  readonly reaches: 'cluster' | 'sandbox' | 'browser' | 'nothing';
};

const policy = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const cluster = (...args: readonly string[]): Invocation => ({ args, reaches: 'cluster' });
const sandbox = (...args: readonly string[]): Invocation => ({ args, reaches: 'sandbox' });
const nothing = (...args: readonly string[]): Invocation => ({ args, reaches: 'nothing' });

/** @param manifest path of a file with an account */
export function invocations(manifest: string): Readonly<Record<string, Invocation>> {
  return {
    'who-can': cluster('s3:GetObject', '*'),
    'policies users': cluster(policy),
    'account create': cluster('x', '--policy', policy, '--no-wait'),
    'account edit': cluster('x', '--add-policy', policy, '--no-wait'),
    'account list': cluster(),
    'account show': cluster('x'),
    'account delete': cluster('x', '--yes', '--no-wait'),
    'account plan': cluster('x'),
    'account diff': cluster('x'),
    'account verify': cluster('x'),
    'account can-i': cluster('x', 's3:GetObject'),
    'account suggest': cluster('x'),
    'account pods': cluster(),
    'account history': cluster('x'),
    'account import': cluster('x', '--role', 'team-x', '--yes', '--no-wait'),
    'account export': cluster('x'),
    'account copy': cluster('x', '--to-context', 'other'),
    'account orphans': cluster(),
    'account quarantine': cluster('x', '--yes', '--no-wait'),
    'account release': cluster('x', '--yes', '--no-wait'),
    'account revoke': cluster('x', '--yes'),
    'app create': cluster('x', '--image', 'nginx:1', '--no-wait'),
    'app edit': cluster('x', '--tag', '2', '--no-wait'),
    'app can-i': cluster('x', 's3:GetObject'),
    'app list': cluster(),
    'app show': cluster('x'),
    'app status': cluster('x'),
    'app deploy': cluster('x', '--tag', '2', '--no-wait'),
    'app restart': cluster('x', '--no-wait'),
    'app halt': cluster('x', '--no-wait'),
    'app resume': cluster('x', '--no-wait'),
    'app history': cluster('x'),
    'app rollback': cluster('x', '--no-wait'),
    'app pods': cluster('x'),
    'app logs': cluster('x'),
    'app shell': cluster('x', '--', 'true'),
    'app port-forward': cluster('x', '8080'),
    'app export': cluster('x'),
    'app delete': cluster('x', '--yes', '--no-wait'),
    'target list': cluster(),
    'target create': cluster('x', '--no-wait'),
    'target delete': cluster('x', '--yes', '--no-wait'),
    'policies search': nothing('AmazonS3ReadOnlyAccess'),
    'policies lint': nothing(manifest),
    status: cluster(),
    apply: cluster('-f', manifest, '--no-wait'),
    diff: cluster('-f', manifest),
    // The console starts even for a user without permissions, and runs until it is stopped: see
    // console/test/access.test.ts.
    console: { args: ['--no-open'], reaches: 'browser' },
    doctor: cluster(),
    install: cluster('--target', 'production', '--unbounded', '--yes', '--no-wait'),
    uninstall: cluster('--yes'),
    conformance: nothing('--account', '123456789012', '--print-policy'),
    crds: nothing(),
    'iam-policy': nothing('--unbounded', '--filename', manifest.replace('account', 'config')),
    operator: cluster(),
    'sandbox tour': sandbox(),
    'sandbox up': sandbox(),
    'sandbox down': sandbox(),
    'sandbox status': sandbox(),
    'sandbox env': sandbox(),
    'sandbox exec': sandbox('x', '--', 'true'),
    'sandbox logs': sandbox('etcd'),
    'sandbox aws': sandbox(),
    version: nothing(),
    explain: nothing(),
    completion: nothing('bash'),
  };
}
