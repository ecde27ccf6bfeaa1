/** Finds tokens and credentials in text that must not contain any. */

const forms: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  // The header of every JWT begins with `{"`, which is `eyJ` in base64url. A JWT has three parts, separated by two
  // dots.
  { what: 'a JSON web token', pattern: /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/ },
  // Prefix of session tokens, both from the emulator and from AWS.
  { what: 'a session token', pattern: /FwoGZXIvYXdz[\w+/]{8,}/ },
  {
    what: 'a field for a secret, with a value',
    pattern: /(?:secret_?access_?key|session_?token|web_?identity_?token)["']?\s*[:=]\s*["']?[\w+/=.-]{16,}/i,
  },
  { what: 'a bearer token', pattern: /bearer\s+[\w.~+/-]{16,}/i },
];

/**
 * Returns descriptions of the secrets in a text, but not the secrets themselves.
 * @param known secrets of this run, keyed by their descriptions
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
