/** AWS managed policies from the catalogue, as IAM returns them. Documents are parsed on first use. */
import { managedPolicies, managedPolicy } from '../../../../src/aws/catalogue/catalogue.ts';
import type { ManagedPolicy as CataloguePolicy } from '../../../../src/aws/catalogue/catalogue.ts';
import { readPolicy } from './documents.ts';
import type { ManagedPolicy, PolicyText, PolicyVersion } from './model.ts';
import type { AwsManagedPolicies } from './state.ts';

export function createAwsManagedPolicies(partition: string): AwsManagedPolicies {
  const prefix = `arn:${partition}:iam::aws:policy/`;
  const found = new Map<string, ManagedPolicy>();
  let all: readonly ManagedPolicy[] | undefined;

  const keep = (policy: CataloguePolicy): ManagedPolicy => {
    const kept = found.get(policy.arn) ?? toManagedPolicy(policy);
    found.set(policy.arn, kept);
    return kept;
  };
  return {
    find: (arn) => {
      // The catalogue covers every partition, but an AWS account has only the policies of its own.
      if (!arn.startsWith(prefix)) return undefined;
      const kept = found.get(arn);
      if (kept) return kept;
      const policy = managedPolicy(arn);
      return policy && keep(policy);
    },
    all: () => (all ??= managedPolicies(partition).map(keep).sort(byName)),
  };
}

function toManagedPolicy(policy: CataloguePolicy): ManagedPolicy {
  return {
    name: policy.name,
    path: policy.path,
    id: policy.policyId,
    arn: policy.arn,
    owner: 'aws',
    description: undefined,
    createdAt: Date.parse(policy.createDate),
    updatedAt: Date.parse(policy.updateDate),
    tags: [],
    defaultVersionId: policy.defaultVersionId,
    versions: policy.versions.map(({ versionId, createDate }) =>
      lazyVersion(versionId, Date.parse(createDate), () => policy.document(versionId) ?? ''),
    ),
    nextVersion: 0,
  };
}

function lazyVersion(id: string, createdAt: number, document: () => string): PolicyVersion {
  let policy: PolicyText | undefined;
  return {
    id,
    createdAt,
    get policy() {
      return (policy ??= readPolicy(document(), 'managed'));
    },
  };
}

const byName = (left: ManagedPolicy, right: ManagedPolicy): number => (left.name < right.name ? -1 : 1);
