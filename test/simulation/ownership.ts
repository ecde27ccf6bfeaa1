/** Ownership checks of the oracles, independent of the product's code. */
import { issuer } from './simulation.ts';

const host = issuer.replace('https://', '');

/** Whether a role or association belongs to another token issuer, regardless of the cluster and account in its tags. */
export function isOfOtherIssuer({
  tags,
  trustPolicy = '',
}: {
  readonly tags: Readonly<Record<string, string>>;
  readonly trustPolicy?: string;
}): boolean {
  const marked = Object.entries(tags).find(([key]) => key.toLowerCase() === 'k11n.dev/issuer')?.[1];
  if (marked !== undefined) return marked !== host;
  return trustPolicy.includes(':oidc-provider/') && !trustPolicy.includes(`:oidc-provider/${host}"`);
}
