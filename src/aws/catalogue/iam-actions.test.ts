import { describe, expect, it } from 'vitest';
import { iamActions, iamServices } from './iam-actions.ts';

describe('the reference of IAM actions', () => {
  it('has a prefix and at least one named action for each service', () => {
    const faulty = iamServices().filter((service) => {
      const names = [...(iamActions(service)?.values() ?? [])].map(({ name }) => name);
      return !/^[a-z0-9-]+$/.test(service) || names.length === 0 || names.includes('');
    });
    expect(iamServices().length).toBeGreaterThan(300);
    expect(faulty).toEqual([]);
  });
});
