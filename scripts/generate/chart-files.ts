/**
 * Generates chart files from src/rbac: the operator's RBAC rules, the admission policies and the roles for users. The chart's
 * templates read the files and add the release's names and labels. Helm's `tpl` inserts the operator's name.
 */
import { Document, isScalar, Scalar, visit } from 'yaml';
import {
  admissionPolicies,
  operatorClusterRules,
  operatorNamespaceRules,
  paramRefs,
  peopleRoles,
} from '../../src/rbac/index.ts';

const folder = 'charts/konstellation/files';

/** Template expressions of the chart that stand for the namespace and the name of the operator's ServiceAccount. */
const release = {
  namespace: '{{ .Release.Namespace }}',
  name: '{{ include "konstellation.serviceAccountName" . }}',
};

const literal = new Set(['expression', 'messageExpression']);

export function chartFiles(): [path: string, content: string][] {
  return [
    [`${folder}/operator-cluster-rules.yaml`, yaml(operatorClusterRules)],
    [`${folder}/operator-namespace-rules.yaml`, yaml(operatorNamespaceRules)],
    [`${folder}/people-roles.yaml`, yaml(peopleRoles)],
    [`${folder}/admission-params.yaml`, yaml(paramRefs)],
    ...admissionPolicies(release).map((policy): [string, string] => [
      `${folder}/admission/${policy.metadata.name}.yaml`,
      yaml(policy),
    ]),
  ];
}

function yaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Pair(_, { key, value: written }) {
      // Writes long values as block literals, which need no escapes. Helm would interpret the backslash of an escape.
      if (isScalar(key) && literal.has(String(key.value)) && isScalar(written))
        written.type = Scalar.BLOCK_LITERAL;
    },
  });
  return `# Generated from src/rbac by \`npm run generate\`.\n${document.toString({ lineWidth: 0 })}`;
}
