/** Serializes the XML of AWS's Query protocol: elements and text, without attributes except one namespace. */

/**
 * A tree of values: a list becomes `<member>` elements, a map becomes `<entry>` elements, an absent value becomes no
 * element, and an empty list becomes an empty element.
 */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | ReadonlyMap<string, XmlValue>
  | { readonly [element: string]: XmlValue };

const special = /[&<>"\r]/;
/**
 * Characters that XML 1.0 cannot contain even in escaped form, including lone surrogates.
 * https://www.w3.org/TR/xml/#charsets
 */
const unspeakable =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

export function escapeXml(text: string): string {
  const shown = text.replace(unspeakable, '\ufffd');
  if (!special.test(shown)) return shown;
  return shown
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#13;');
}

export function renderXml(value: XmlValue): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return escapeXml(value);
  if (typeof value !== 'object') return String(value);
  let text = '';
  if (isList(value)) {
    for (const item of value) text += `<member>${renderXml(item)}</member>`;
    return text;
  }
  if (value instanceof Map) {
    for (const [key, item] of value) {
      text += `<entry><key>${escapeXml(String(key))}</key><value>${renderXml(item)}</value></entry>`;
    }
    return text;
  }
  for (const [name, child] of Object.entries(value)) {
    if (child !== undefined) text += `<${name}>${renderXml(child)}</${name}>`;
  }
  return text;
}

const isList = (value: object): value is readonly XmlValue[] => Array.isArray(value);
