import { describe, expect, it } from 'vitest';
import { apiVersion, type LinkedServiceAccount, type TargetStatus } from '../../api/index.ts';
import { removedTargets, unlinkNow } from './removed-targets.ts';

const row = (name: string, fields: Partial<TargetStatus> = {}): TargetStatus => ({
  name,
  linked: true,
  proven: true,
  pods: { current: 1, stale: 0, uninjected: 0 },
  ...fields,
});
const account = (
  rows: readonly TargetStatus[],
  annotations: Readonly<Record<string, string>> = {},
): LinkedServiceAccount => ({
  apiVersion,
  kind: 'LinkedServiceAccount',
  metadata: { name: 'myaccount', annotations },
  spec: { aws: { policyArns: [], maxSessionDuration: 7200 }, deletionPolicy: 'Delete' },
  status: { targets: [...rows] },
});
const edited = (
  of: LinkedServiceAccount,
  targets: string[] | undefined,
  annotations = of.metadata.annotations ?? {},
): ReturnType<typeof removedTargets> => {
  const spec = targets === undefined ? of.spec : { ...of.spec, targets };
  return removedTargets(of, { metadata: { name: 'myaccount', annotations }, spec });
};

describe('targets that an edit removes', () => {
  it('are listed with the pods that keep their permissions until they end', () => {
    const rows = [row('production'), row('staging', { pods: { current: 2, stale: 1, uninjected: 4 } })];
    expect(edited(account(rows), ['production'])).toEqual({
      cutOff: [],
      notes: [
        'staging: 3 running pods of "myaccount" keep their AWS permissions until they end; to remove these permissions immediately: --now',
      ],
    });
  });

  it('are listed as cut off when the annotation k11n.dev/unlink-now names them, even if an earlier edit removed them', () => {
    const left = account([row('staging')], { 'k11n.dev/unlink-now': 'dev, staging' });
    expect(edited(left, ['production'])).toEqual({
      notes: [],
      cutOff: [
        'staging: 1 running pod of "myaccount" can get no new credentials from now on; AWS sessions of pods in this target may stay valid for up to 120m',
      ],
    });
  });

  it('are listed, even without pods, with the time for which sessions stay valid: six hours with Pod Identity', () => {
    const pods = { current: 0, stale: 0, uninjected: 0 };
    const [note] = edited(account([row('staging', { pods, identityMode: 'PodIdentity' })]), [
      'production',
    ]).notes;
    expect(note).toBe(
      'staging: the target is unlinked from account "myaccount"; AWS sessions of pods in this target may stay valid for up to 6h',
    );
  });

  it('include neither targets that the account still covers, by name or by applying to all targets, nor targets that were never linked', () => {
    const nothing = { notes: [], cutOff: [] };
    expect(edited(account([row('staging')]), ['staging'])).toEqual(nothing);
    expect(edited(account([row('staging')]), undefined)).toEqual(nothing);
    expect(edited(account([row('staging', { linked: false })]), ['production'])).toEqual(nothing);
  });
});

it('unlinkNow adds to the annotation each linked target that the edit removes, and keeps the targets that the annotation already names', () => {
  const rows = [row('production'), row('staging'), row('test', { linked: false })];
  expect(unlinkNow(account(rows, { 'k11n.dev/unlink-now': 'dev' }), ['production'])).toEqual({
    'k11n.dev/unlink-now': 'dev,staging',
  });
  expect(unlinkNow(account(rows), ['production'])).toEqual({ 'k11n.dev/unlink-now': 'staging' });
  expect(unlinkNow(account(rows), ['production', 'staging'])).toEqual({});
  expect(unlinkNow(account(rows), undefined)).toEqual({});
});
