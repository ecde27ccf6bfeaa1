/** Link to an account in a list, with a mark while the account is in quarantine. */
import type { ReactNode } from 'react';
import { accountHref } from '../router.ts';
import { useIsQuarantined } from '../store.ts';
import { Badge, Link } from './basics.tsx';

export function AccountLink({ name }: { readonly name: string }): ReactNode {
  const isQuarantined = useIsQuarantined(name);
  return (
    <>
      <Link href={accountHref(name)}>{name}</Link> {isQuarantined && <Badge tone="bad">quarantined</Badge>}
    </>
  );
}
