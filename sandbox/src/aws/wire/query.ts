/** Parses parameters of AWS's Query protocol: `Tags.member.1.Key=team` becomes `{Tags: [{Key: 'team'}]}`. */

export type QueryValue = string | readonly QueryValue[] | { readonly [name: string]: QueryValue };
export type QueryParameters = { readonly [name: string]: QueryValue };

type Tree = { value?: string; readonly children: Map<string, Tree> };

export function parseQueryParameters(form: URLSearchParams): QueryParameters {
  const root: Tree = { children: new Map() };
  for (const [name, value] of form) {
    let node = root;
    for (const step of name.split('.')) {
      let child = node.children.get(step);
      if (!child) node.children.set(step, (child = { children: new Map() }));
      node = child;
    }
    node.value = value;
  }
  const parameters: Record<string, QueryValue> = {};
  for (const [name, node] of root.children) parameters[name] = valueOf(node);
  return parameters;
}

function valueOf(node: Tree): QueryValue {
  if (node.children.size === 0) return node.value ?? '';
  const members = node.children.get('member');
  if (members && node.children.size === 1) {
    return [...members.children.entries()]
      .sort(([left], [right]) => Number(left) - Number(right))
      .map(([, member]) => valueOf(member));
  }
  const structure: Record<string, QueryValue> = {};
  for (const [name, child] of node.children) structure[name] = valueOf(child);
  return structure;
}
