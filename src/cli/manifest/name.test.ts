import { describe, expect, it } from 'vitest';
import { accountKind, appKind } from '../cluster/kinds.ts';
import { nameProblem, targetNameProblem } from './name.ts';

describe('the validation of names', () => {
  it.each(['default', 'kube-system', 'kube-anything'])('refuses a reserved name for a target: %s', (name) => {
    expect(targetNameProblem(name)).toBe(
      `the namespace "${name}" cannot be a target: default and kube-* are reserved for Kubernetes`,
    );
  });

  it.each(['production', 'kubeless', 'default-2'])(
    'accepts a name for a target that only begins like a reserved name: %s',
    (name) => {
      expect(targetNameProblem(name)).toBeUndefined();
    },
  );

  it('refuses the name `default` for an account, but accepts this name for an app', () => {
    expect(nameProblem(accountKind, 'default')).toContain('invalid account name "default"');
    expect(nameProblem(accountKind, 'default-2')).toBeUndefined();
    expect(nameProblem(appKind, 'default')).toBeUndefined();
  });
});
