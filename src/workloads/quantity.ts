/**
 * Compares quantities as numbers. The API server rewrites quantities (`0.5` to `500m`, `1024Mi` to `1Gi`), so the text
 * that is read may differ from the text that was written.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */

/** Syntax of quantities. Exponents and signs are not supported, since the schema of Apps refuses them. */
const pattern = /^([0-9]*)(?:\.([0-9]*))?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|)$/;

/** The quantity 1 in billionths. Kubernetes keeps nine decimal places. */
const one = 10n ** 9n;

const multipliers: Readonly<Record<string, bigint>> = {
  '': one,
  n: 1n,
  u: 10n ** 3n,
  m: 10n ** 6n,
  k: one * 10n ** 3n,
  M: one * 10n ** 6n,
  G: one * 10n ** 9n,
  T: one * 10n ** 12n,
  P: one * 10n ** 15n,
  E: one * 10n ** 18n,
  Ki: one * 2n ** 10n,
  Mi: one * 2n ** 20n,
  Gi: one * 2n ** 30n,
  Ti: one * 2n ** 40n,
  Pi: one * 2n ** 50n,
  Ei: one * 2n ** 60n,
};

/** Whether both strings are quantities of the same amount. */
export function isSameQuantity(a: string, b: string): boolean {
  const amount = nanos(a);
  return amount !== undefined && amount === nanos(b);
}

/** Quantity in billionths, rounded up as Kubernetes does; undefined if the string is not a quantity. */
function nanos(text: string): bigint | undefined {
  const [, whole = '', fraction = '', suffix = ''] = pattern.exec(text) ?? [];
  const multiplier = multipliers[suffix];
  if (whole + fraction === '' || multiplier === undefined) return undefined;
  const denominator = 10n ** BigInt(fraction.length);
  return (BigInt(whole + fraction) * multiplier + denominator - 1n) / denominator;
}
