import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KubeApiError, KubeConfigError, KubeUnreachableError } from '../../kube/errors.ts';
import { errorMeanings } from './error-meanings.ts';
import { CliError } from './errors.ts';
import { explain } from './explain.ts';
import { renderError } from './output/error.ts';

const api = (code: number, reason: string, message: string, details?: object): KubeApiError =>
  new KubeApiError({ code, reason, message, ...(details ? { details } : {}) });

describe('the registry of errors', () => {
  it('contains only codes that the sources use', () => {
    const src = join(import.meta.dirname, '..');
    const sources = globSync('**/*.ts', { cwd: src })
      .filter(
        (file) =>
          !file.startsWith('framework/error-meanings.') &&
          file !== 'framework/errors.ts' &&
          !file.endsWith('.test.ts'),
      )
      .map((file) => readFileSync(join(src, file), 'utf8'))
      .join('\n');
    // Usage errors are created by `usageError` in errors.ts, which is not searched.
    const unreported = Object.keys(errorMeanings).filter(
      (code) => code !== 'USAGE' && !sources.includes(`'${code}'`),
    );
    expect(unreported).toEqual([]);
  });
});

describe('explain', () => {
  it.each<[unknown, string, number]>([
    [new KubeConfigError('Missing', 'none'), 'KUBECONFIG_MISSING', 1],
    [new KubeConfigError('ContextUnknown', 'none'), 'CONTEXT_UNKNOWN', 1],
    [new KubeConfigError('CredentialsFailed', 'plugin'), 'UNAUTHENTICATED', 4],
    [new KubeUnreachableError('refused', 'https://x', 'refused'), 'CLUSTER_UNREACHABLE', 1],
    [new KubeUnreachableError('tls', 'https://x', 'unknown authority'), 'CLUSTER_UNTRUSTED', 1],
    [api(401, 'Unauthorized', 'no'), 'UNAUTHENTICATED', 4],
    [api(403, 'Forbidden', 'no'), 'FORBIDDEN', 1],
    [api(404, 'NotFound', '404 page not found'), 'NOT_INSTALLED', 1],
    [api(404, 'NotFound', 'no', { name: 'x', kind: 'pods' }), 'NOT_FOUND', 1],
    [api(409, 'Conflict', 'no'), 'CONFLICT', 1],
    [api(422, 'Invalid', 'no'), 'INVALID', 1],
    [api(500, 'InternalError', 'no'), 'API_ERROR', 1],
    [new Error('bug'), 'INTERNAL', 1],
  ])('translates %s to %s', (thrown, code, exitCode) => {
    expect(explain(thrown)).toMatchObject({ code, exitCode });
  });

  it('shows the message of the admission policy that refused a request, and the next step', () => {
    const refused = (text: string): CliError =>
      explain(
        api(
          403,
          'Forbidden',
          `apps.k11n.dev "shop" is forbidden: ValidatingAdmissionPolicy 'x.k11n.dev' with binding 'x.k11n.dev' denied request: ${text}`,
          { name: 'shop', group: 'k11n.dev', kind: 'apps' },
        ),
      );
    const right =
      'user dev is not permitted to run an app with the AWS permissions of the account a: ask for the verb use on linkedserviceaccounts.k11n.dev/a';
    expect(refused(right)).toMatchObject({
      code: 'FORBIDDEN',
      details: [right],
      next: ['Ask an administrator of the cluster for the permission named above.'],
    });
    expect(refused('App shop is protected from deletion: remove its label first').next).toEqual([
      'To allow the deletion: kubectl label apps.k11n.dev shop k11n.dev/protected-; kubectl annotate apps.k11n.dev shop k11n.dev/protected-',
    ]);
  });

  it('names unknown fields and suggests similar known fields', () => {
    const error = api(
      400,
      'BadRequest',
      'LinkedServiceAccount in version "v1alpha1" cannot be handled as a LinkedServiceAccount: strict decoding error: unknown field "spec.aws.policyArn", duplicate field "spec.targets"',
    );
    expect(explain(error).details).toEqual([
      'spec.aws.policyArn: unknown field; did you mean policyArns?',
      'spec.targets: is given twice',
    ]);
    const app = api(
      400,
      'BadRequest',
      'App in version "v1alpha1" cannot be handled as a App: strict decoding error: unknown field "spec.targets[0].nam"',
    );
    expect(explain(app).details).toEqual(['spec.targets[0].nam: unknown field; did you mean name?']);
  });
});

describe('renderError', () => {
  const error = new CliError('NOT_READY', 'it is not Ready', {
    details: ['one\ntwo', 'three\u001B[2J'],
    next: ['Do this.', 'Or that.'],
    cause: new Error('deep'),
  });

  it('prints the failure, its causes and next steps', () => {
    expect(renderError(error, { json: false, color: false, cause: false })).toBe(
      'Error: it is not Ready\n  one\n  two\n  three\n\nNext: Do this.\n      Or that.\n',
    );
  });

  it('prints, as the last line, the command that explains the error', () => {
    const text = renderError(error, { json: false, color: false, cause: false, explain: 'kon explain X' });
    expect(text).toMatch(/ {6}Or that\.\n\nFor more information about this error, run "kon explain X"\.\n$/);
  });

  it('prints the cause of the error on request', () => {
    expect(renderError(error, { json: false, color: false, cause: true })).toContain(
      'Caused by: Error: deep',
    );
  });

  it('renders an error as one JSON object', () => {
    expect(JSON.parse(renderError(error, { json: true, color: false, cause: false }))).toEqual({
      apiVersion: 'cli.k11n.dev/v1',
      kind: 'Error',
      code: 'NOT_READY',
      exitCode: 1,
      message: 'it is not Ready',
      details: ['one\ntwo', 'three\u001B[2J'],
      next: ['Do this.', 'Or that.'],
    });
  });
});
