/**
 * Writes the XML of AWS's Query protocol. Only what the protocol needs: elements and text, no attributes but one namespace.
 */

/** A tree in the protocol's terms: a list becomes `<member>` elements, an absent value no element, an empty list an empty element. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | { readonly [element: string]: XmlValue };

const special = /[&<>"\r]/;

export function escapeXml(text: string): string {
  if (!special.test(text)) return text;
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#13;');
}

export function renderXml(value: XmlValue): string {
  switch (typeof value) {
    case 'undefined':
      return '';
    case 'string':
      return escapeXml(value);
    case 'number':
    case 'boolean':
      return String(value);
    case 'object': {
      let text = '';
      if (isList(value)) {
        for (const item of value) text += `<member>${renderXml(item)}</member>`;
        return text;
      }
      for (const name in value) {
        const child = value[name];
        if (child !== undefined) text += `<${name}>${renderXml(child)}</${name}>`;
      }
      return text;
    }
  }
}

const isList = (value: object): value is readonly XmlValue[] => Array.isArray(value);
