import { describe, expect, it } from 'vitest';
import { CliError } from './errors.ts';
import { objectName } from './object-name.ts';

describe('objectName', () => {
  it.each([
    ['account', 'payments'],
    ['account', 'lsa/payments'],
    ['account', 'account/payments'],
    ['account', 'accounts/payments'],
    ['account', 'linkedserviceaccount/payments'],
    ['account', 'linkedserviceaccount.k11n.dev/payments'],
    ['account', 'linkedserviceaccounts.k11n.dev/payments'],
    ['account', 'LinkedServiceAccount.v1alpha1.k11n.dev/payments'],
    ['app', 'app/payments'],
    ['app', 'app.k11n.dev/payments'],
    ['app', 'apps.k11n.dev/payments'],
    ['app', 'kapp/payments'],
    ['target', 'target.k11n.dev/payments'],
  ] as const)('of %s accepts %s', (noun, text) => {
    expect(objectName(noun, text)).toBe('payments');
  });

  it.each([
    ['account', 'app/shop', '"app/shop" names an app; see: kon app --help'],
    ['app', 'lsa/shop', '"lsa/shop" names an account; see: kon account --help'],
    ['app', 'deploy/shop', 'Pass NAME or app/NAME.'],
    ['account', 'lsa.example.com/shop', 'Pass NAME or account/NAME.'],
    [
      'account',
      'clusterconfig/main',
      '"clusterconfig/main" names a ClusterConfig: kubectl get clusterconfig main -o yaml',
    ],
  ] as const)('of %s refuses %s', (noun, text, next) => {
    const read = (): string => objectName(noun, text);
    expect(read).toThrow(CliError);
    expect(read).toThrow(`"${text}" does not name an ${noun}`);
    try {
      read();
    } catch (error) {
      expect(error).toMatchObject({ code: 'USAGE', next: [next] });
    }
  });

  it.each(['lsa/', 'lsa/a/b'])('refuses %s, which does not name a single object', (text) => {
    expect(() => objectName('account', text)).toThrow('does not name a single account');
  });
});
