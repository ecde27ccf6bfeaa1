import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eksActions } from './eks/actions.ts';
import { eksAuthActions } from './eks-auth/actions.ts';
import { faultSettings } from './faults/settings.ts';
import { iamActions } from './iam/actions.ts';
import { stsActions } from './sts/actions.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/aws-emulator.md'), 'utf8');

/** Returns the names in backquotes from the first table row whose first two cells are `service` and `kind`. */
function documented(service: string, kind: string): readonly string[] {
  const row = page.split('\n').find((line) => line.startsWith(`| ${service} | ${kind} |`)) ?? '';
  return Array.from(row.matchAll(/`([^`]+)`/g), ([, name = '']) => name);
}

describe('docs/aws-emulator.md', () => {
  it.each([
    ['IAM', iamActions],
    ['STS', stsActions],
    ['EKS', eksActions],
    ['EKS Auth', eksAuthActions],
  ])('lists exactly the actions of %s', (service, actions) => {
    const named = (access: string): readonly string[] =>
      actions.filter((action) => action.access === access).map(({ name }) => name);
    expect(documented(service, 'reads').toSorted()).toEqual(named('read').toSorted());
    expect(documented(service, 'changes').toSorted()).toEqual(named('write').toSorted());
  });

  it('describes every kind of fault', () => {
    for (const setting of Object.keys(faultSettings.shape)) expect(page).toContain(`\`${setting}\``);
  });
});
