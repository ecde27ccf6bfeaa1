/** Writes S3's XML: a document element with a namespace. Lists become repeated elements without a wrapper element. */
import { escapeXml } from '../wire/xml.ts';

export type S3Xml =
  | string
  | number
  | boolean
  | undefined
  | readonly S3Xml[]
  | { readonly [element: string]: S3Xml };

const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** Serializes an XML document. Error documents have no namespace. */
export function renderDocument(name: string, content: S3Xml): string {
  const attributes = name === 'Error' ? '' : ` xmlns="${namespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name}${attributes}>${render(content)}</${name}>`;
}

function render(value: S3Xml): string {
  if (value === undefined) return '';
  if (typeof value !== 'object') return escapeXml(String(value));
  return Object.entries(value)
    .map(([name, child]) => {
      if (child === undefined) return '';
      const items: readonly S3Xml[] = Array.isArray(child) ? child : [child];
      return items.map((item) => `<${name}>${render(item)}</${name}>`).join('');
    })
    .join('');
}
