import { stringify } from 'yaml';
import { crds } from '../../src/api/index.ts';

/** Generates the CustomResourceDefinitions of the chart. */
export function crdManifests(): [path: string, content: string][] {
  return crds().map((crd) => [
    `charts/konstellation/crds/${crd.metadata.name}.yaml`,
    `# Generated from src/api by \`npm run generate\`.\n${stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false })}`,
  ]);
}
