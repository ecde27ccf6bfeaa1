import { describe, expect, it } from 'vitest';
import type { ClusterConfig } from '../../api/cluster-config.ts';
import { CliError } from '../framework/errors.ts';
import { requireAsConfigured, type AskedConfig } from './config-conflicts.ts';

const boundary = 'arn:aws:iam::123456789012:policy/apps';
const config = {
  metadata: { name: 'main' },
  spec: {
    targets: ['production', 'staging'],
    aws: { region: 'eu-west-1', permissionsBoundaryArn: boundary, allowedPolicyArns: ['a*', 'b*'] },
  },
} as unknown as ClusterConfig;
const nothing: AskedConfig = {
  targets: [],
  boundary: undefined,
  allowedPolicies: [],
  tagKeys: [],
  allowStatements: false,
};

function refusal(asked: Partial<AskedConfig>): CliError | undefined {
  try {
    requireAsConfigured(config, { ...nothing, ...asked });
    return undefined;
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
}

describe('the options for an existing installation', () => {
  it.each<[string, Partial<AskedConfig>]>([
    ['none', {}],
    ['targets that it has', { targets: ['staging'] }],
    ['its boundary', { boundary }],
    ['its patterns in another order', { allowedPolicies: ['b*', 'a*'] }],
  ])('are accepted if they match the ClusterConfig: %s', (_what, asked) => {
    expect(refusal(asked)).toBeUndefined();
  });

  it.each<[string, Partial<AskedConfig>, string]>([
    ['another target', { targets: ['production', 'new'] }, 'kon target create new'],
    [
      'another boundary',
      { boundary: 'arn:x' },
      `kubectl patch clusterconfig main --type merge -p '{"spec":{"aws":{"permissionsBoundaryArn":"arn:x"}}}'`,
    ],
    ['fewer patterns', { allowedPolicies: ['a*'] }, '{"allowedPolicyArns":["a*"]}'],
    ['more patterns', { allowedPolicies: ['a*', 'b*', 'c*'] }, '{"allowedPolicyArns":["a*","b*","c*"]}'],
    ['statements that it does not allow', { allowStatements: true }, '{"allowStatements":true}'],
    ['a tag key where there are none', { tagKeys: ["it's"] }, String.raw`["it'\''s"]`],
  ])('are refused with the command that changes the ClusterConfig: %s', (_what, asked, way) => {
    const error = refusal(asked);
    expect(error?.code).toBe('CONFLICT');
    expect(error?.next.join('\n')).toContain(way);
  });
});
