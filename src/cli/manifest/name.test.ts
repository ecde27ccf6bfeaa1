import { describe, expect, it } from 'vitest';
import { accountKind, appKind } from '../cluster/kinds.ts';
import { nameProblem, targetNameProblem } from './name.ts';

describe('a name', () => {
  it.each(['default', 'kube-system', 'kube-anything'])(
    'that is reserved is refused for a target: %s',
    (name) => {
      expect(targetNameProblem(name)).toBe(
        `the namespace "${name}" cannot be a target: default and kube-* are reserved for Kubernetes`,
      );
    },
  );

  it.each(['production', 'kubeless', 'default-2'])('that only begins alike is not: %s', (name) => {
    expect(targetNameProblem(name)).toBeUndefined();
  });

  it('default is refused for an account, and for nothing else', () => {
    expect(nameProblem(accountKind, 'default')).toContain('invalid account name "default"');
    expect(nameProblem(accountKind, 'default-2')).toBeUndefined();
    expect(nameProblem(appKind, 'default')).toBeUndefined();
  });
});
