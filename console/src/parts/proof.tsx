import type { ReactNode } from 'react';
import type { TargetRow } from '../../../src/cli/console/wire.ts';
import { toneByProof } from '../screens/account-map.tsx';
import { age, Badge, useNow } from './basics.tsx';

const words: Readonly<Record<TargetRow['proof'], string>> = {
  proven: 'proven',
  awaiting: 'by its first pod',
  failed: 'not proven',
  unknown: 'unknown',
};

/**
 * Result and time of the last token exchange for credentials of the role, with the error message of STS if STS refused.
 */
export function Proof({ target }: { readonly target: TargetRow }): ReactNode {
  const now = useNow();
  return (
    <>
      <Badge tone={toneByProof[target.proof]}>{words[target.proof]}</Badge>{' '}
      {target.provenAt !== undefined && (
        <time dateTime={target.provenAt}>{age(target.provenAt, now)} ago</time>
      )}
      {target.message !== undefined && (
        <span className="breakable">
          {' '}
          {target.message} ({target.reason})
        </span>
      )}
    </>
  );
}
