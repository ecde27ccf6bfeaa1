import { describe, expect, it } from 'vitest';
import { admissionObjects } from '../../../../rbac/index.ts';
import type { KubeObject } from '../../../../kube/index.ts';
import { compareAdmission } from './admission.ts';

const shipped = admissionObjects({ namespace: 'konstellation-system', name: 'konstellation' });
type Written = KubeObject & { spec: Record<string, unknown> };

/** Returns the objects as the API server returns them, with its defaults. */
const installed = (): Written[] =>
  (JSON.parse(JSON.stringify(shipped)) as Written[]).map((object) => ({
    ...object,
    metadata: { ...object.metadata, uid: 'u', generation: 1 },
    spec: { ...object.spec, matchResources: { matchPolicy: 'Equivalent' } },
  }));

describe('the check of the admission policies', () => {
  it('passes despite defaults that the API server added, and despite admission policies of other software', () => {
    const other = { ...installed()[0], metadata: { name: 'other' } } as Written;
    expect(compareAdmission(shipped, [...installed(), other])).toEqual({ status: 'ok' });
  });

  it('warns if no policy is installed', () => {
    expect(compareAdmission(shipped, [])).toMatchObject({ status: 'warning' });
  });

  it.each(shipped.map(({ kind, metadata }) => `${kind} ${metadata.name}`))('fails without %s', (name) => {
    const others = installed().filter(({ kind, metadata }) => `${kind} ${metadata.name}` !== name);
    expect(compareAdmission(shipped, others)).toMatchObject({
      status: 'error',
      message: `missing: ${name}`,
    });
  });

  it.each([
    ['a validation less', { validations: [] }],
    ['a condition that excludes requests', { matchConditions: [{ name: 'never', expression: 'false' }] }],
    ['failurePolicy Ignore', { failurePolicy: 'Ignore' }],
    ['a binding that only warns', { validationActions: ['Warn'] }],
  ])('warns about %s', (_what, change) => {
    const changed = installed().map((object) =>
      Object.keys(change).some((key) => key in object.spec)
        ? { ...object, spec: { ...object.spec, ...change } }
        : object,
    );
    expect(compareAdmission(shipped, changed)).toMatchObject({
      status: 'warning',
      message: expect.stringMatching(/^policies differ from those of this version of kon: /) as string,
    });
  });
});
