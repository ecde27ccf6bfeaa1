/** Looks for what must never be written down: tokens and credentials. */

const forms: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  // The header of every JWT begins with {" in base64url; two dots make it one.
  { what: 'a JSON web token', pattern: /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/ },
  // Prefix of the emulator's session tokens, as of AWS's own.
  { what: 'a session token', pattern: /FwoGZXIvYXdz[\w+/]{8,}/ },
  {
    what: 'a field for a secret, with a value',
    pattern: /(?:secret_?access_?key|session_?token|web_?identity_?token)["']?\s*[:=]\s*["']?[\w+/=.-]{16,}/i,
  },
  { what: 'a bearer token', pattern: /bearer\s+[\w.~+/-]{16,}/i },
];

/**
 * Secrets that a text contains, in words that do not repeat them.
 * @param known secrets of this run, by what they are
 */
export function findSecrets(text: string, known: Readonly<Record<string, string>> = {}): readonly string[] {
  const byForm = forms.filter(({ pattern }) => pattern.test(text)).map(({ what }) => what);
  const byValue = Object.entries(known)
    .filter(
      ([, secret]) =>
        secret !== '' && [secret, encodeURIComponent(secret)].some((form) => text.includes(form)),
    )
    .map(([what]) => what);
  return [...byForm, ...byValue];
}
